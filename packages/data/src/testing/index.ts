/** For tests and benches of every package. */
export { bareDrive, type PlanarState, straightStates } from "./bare-drive.ts";
