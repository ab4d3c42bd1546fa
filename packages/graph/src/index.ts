export * from "./portable.ts";
export { type OnnxFile, OnnxFileError, type OnnxPort, openOnnxFile } from "./onnx-file.ts";
export { compile, ortNode } from "./ort-node.ts";
