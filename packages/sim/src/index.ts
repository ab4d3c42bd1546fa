export {
  type CameraSize,
  type CameraSpec,
  camerasNamed,
  calibrationOf,
  defaultCameras,
  modelCameraIndex,
} from "./camera/rig.ts";
export { createRenderer, type SceneRenderer } from "./camera/render.ts";
export { defaultPerturbation, type Perturbation } from "./drive/disturb.ts";
export { recordOnPolicy } from "./drive/on-policy.ts";
export type { DriveOptions, SimulatedDrive } from "./drive/recorder.ts";
export { generateDrive, simulateDrive, withPictures } from "./drive/generate.ts";
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
  type RoadClass,
  type ScenarioKind,
  type Scene,
  scenarioKinds,
  tickSecs,
} from "./world/scene.ts";
export { World } from "./world/world.ts";
export {
  type ClosedLoopOptions,
  type ClosedLoopProgress,
  type ClosedLoopResult,
  type RunEnd,
  runClosedLoop,
  type TickRecord,
} from "./loop/closed-loop.ts";
export { comfortBounds, type Incident, type RunMetrics, RunMonitor } from "./loop/metrics.ts";
export {
  constantVelocityPolicy,
  expertPolicy,
  isPrivileged,
  type PrivilegedPolicy,
  type SceneTruth,
} from "./loop/policies.ts";
export { type ReferenceRun, referenceRun } from "./loop/reference.ts";
export {
  alpasimScore,
  type EpdmsTerms,
  epdmsScore,
  epdmsTerms,
  incidentRate,
  type IncidentRate,
} from "./loop/score.ts";
export { SceneStepper, type StateObservation } from "./loop/stepper.ts";
export { egoLaneId } from "./expert/components.ts";
