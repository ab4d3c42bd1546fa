import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("import", "", []).action(
  action("import", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
