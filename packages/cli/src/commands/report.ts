import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("report", "", []).action(
  action("report", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
