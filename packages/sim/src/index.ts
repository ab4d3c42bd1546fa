export {
  type CameraSize,
  type CameraSpec,
  calibrationOf,
  defaultCameras,
  modelCameraIndex,
} from "./camera/rig.ts";
export { createRenderer, type SceneRenderer } from "./camera/render.ts";
export { defaultPerturbation, type Perturbation } from "./drive/disturb.ts";
export {
  type DriveOptions,
  generateDrive,
  type SimulatedDrive,
  simulateDrive,
} from "./drive/generate.ts";
export { routeStepAt } from "./drive/route-step.ts";
export { componentKinds } from "./expert/components.ts";
export { Expert, type ExpertCommand, startState } from "./expert/expert.ts";
export type { Observation, Plan, Policy } from "./policy.ts";
export { exportRoadMap } from "./road/map.ts";
export { buildScene, type SceneOptions } from "./scenario/scene.ts";
export { stepBicycle, vehicleLimits } from "./vehicle/bicycle.ts";
export {
  type EgoState,
  egoGeometry,
  type ScenarioKind,
  type Scene,
  scenarioKinds,
  tickSecs,
} from "./world/scene.ts";
export { World } from "./world/world.ts";
