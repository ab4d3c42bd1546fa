export {
  type BadReply,
  badReplies,
  type Fault,
  type FaultPlan,
  faultAt,
  noFaults,
  type OddReply,
  oddReplies,
  type RequestFault,
  requestFaults,
  type SeededFaultOptions,
  seededFaults,
} from "./faults.ts";
export {
  type ScriptedServer,
  type ScriptedServerOptions,
  type ServerRequest,
  startScriptedServer,
} from "./scripted-server.ts";
