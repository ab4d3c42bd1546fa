import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("label", "", []).action(
  action("label", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
