import { action, createCommand } from "../command.ts";
import { UserError } from "../errors.ts";

export const command = createCommand("train", "", []).action(
  action("train", async () => {
    throw new UserError("TODO", "not yet");
  }),
);
