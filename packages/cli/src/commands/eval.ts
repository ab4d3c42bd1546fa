import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("eval", "", []).action(
  action("eval", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
