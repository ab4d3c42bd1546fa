/**
 * Protobuf descriptors that drive files carry, so that any viewer can decode them without our code.
 * The Foxglove messages come from the tables of @foxglove/schemas (field numbers as its `generateProto` gives them);
 * the package has no .proto files, so the descriptors are built here. Our own messages fill the places that have none.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_duration,
  file_google_protobuf_timestamp,
} from "@bufbuild/protobuf/wkt";
import {
  foxgloveMessageSchemas,
  type FoxgloveMessageSchema,
  type FoxglovePrimitive,
} from "@foxglove/schemas/internal.js";

const foxgloveTypes: Readonly<Record<FoxglovePrimitive, Type>> = {
  int32: Type.SFIXED32,
  uint32: Type.FIXED32,
  bytes: Type.BYTES,
  string: Type.STRING,
  boolean: Type.BOOL,
  float64: Type.DOUBLE,
};

const wellKnown: Readonly<Record<string, FileDescriptorProto>> = {
  "google.protobuf.Timestamp": file_google_protobuf_timestamp.proto,
  "google.protobuf.Duration": file_google_protobuf_duration.proto,
};

const fullName = (schema: FoxgloveMessageSchema) =>
  schema.protoEquivalent ?? `foxglove.${schema.name}`;
const fileName = (schema: FoxgloveMessageSchema) =>
  schema.protoEquivalent === undefined
    ? `foxglove/${schema.name}.proto`
    : (wellKnown[schema.protoEquivalent] as FileDescriptorProto).name;

/** As protoc fills it: readers that show JSON need it. */
const jsonName = (field: string) =>
  field.replace(/_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Field numbers: explicit ones stay, the others take the free numbers in order. */
function numbered(schema: FoxgloveMessageSchema) {
  const taken = new Set(schema.fields.map((f) => f.protobufFieldNumber));
  let next = 1;
  return schema.fields.map((field) => {
    if (field.protobufFieldNumber !== undefined) {
      return { field, number: field.protobufFieldNumber };
    }
    while (taken.has(next)) next++;
    return { field, number: next++ };
  });
}

function collect(schema: FoxgloveMessageSchema, files: Map<string, FileDescriptorProto>): void {
  const name = fileName(schema);
  if (files.has(name)) return;
  if (schema.protoEquivalent !== undefined) {
    files.set(name, wellKnown[schema.protoEquivalent] as FileDescriptorProto);
    return;
  }
  const dependency = new Set<string>();
  const enumType = [];
  const field = [];
  for (const { field: f, number } of numbered(schema)) {
    const base = {
      name: f.name,
      jsonName: jsonName(f.name),
      number,
      label: f.array === undefined ? Label.OPTIONAL : Label.REPEATED,
    };
    if (f.type.type === "primitive") {
      field.push(create(FieldDescriptorProtoSchema, { ...base, type: foxgloveTypes[f.type.name] }));
    } else if (f.type.type === "nested") {
      collect(f.type.schema, files);
      dependency.add(fileName(f.type.schema));
      const typeName = `.${fullName(f.type.schema)}`;
      field.push(create(FieldDescriptorProtoSchema, { ...base, type: Type.MESSAGE, typeName }));
    } else {
      const e = f.type.enum;
      enumType.push(
        create(EnumDescriptorProtoSchema, {
          name: e.protobufEnumName,
          value: e.values.map((v) => ({ name: v.name, number: v.value })),
        }),
      );
      const typeName = `.foxglove.${schema.name}.${e.protobufEnumName}`;
      field.push(create(FieldDescriptorProtoSchema, { ...base, type: Type.ENUM, typeName }));
    }
  }
  files.set(
    name,
    create(FileDescriptorProtoSchema, {
      name,
      package: "foxglove",
      syntax: "proto3",
      dependency: [...dependency].sort(),
      messageType: [create(DescriptorProtoSchema, { name: schema.name, field, enumType })],
    }),
  );
}

type OwnField = readonly [number: number, name: string, type: string, repeated?: "repeated"];

/** Our messages; units are in the field names, frames in the topic's documentation (world unless it says rig). */
const ownMessages: Readonly<Record<string, readonly OwnField[]>> = {
  /** One row of `EgoMotion`; 12 … 15 are derived for plots and not read back. */
  EgoState: [
    [1, "timestamp", "time"],
    [2, "x_m", "double"],
    [3, "y_m", "double"],
    [4, "z_m", "double"],
    [5, "qw", "double"],
    [6, "qx", "double"],
    [7, "qy", "double"],
    [8, "qz", "double"],
    [9, "vx_mps", "double"],
    [10, "vy_mps", "double"],
    [11, "vz_mps", "double"],
    [12, "speed_mps", "double"],
    [13, "acceleration_mps2", "double"],
    [14, "yaw_rate_radps", "double"],
    [15, "curvature_per_m", "double"],
  ],
  Actor: [
    [1, "id", "int32"],
    [2, "kind", "ActorKind"],
    [3, "x_m", "double"],
    [4, "y_m", "double"],
    [5, "z_m", "double"],
    [6, "yaw_rad", "double"],
    [7, "speed_mps", "double"],
    [8, "length_m", "double"],
    [9, "width_m", "double"],
    [10, "height_m", "double"],
    [11, "braking", "bool"],
    [12, "indicator", "Indicator"],
  ],
  ActorFrame: [
    [1, "timestamp", "time"],
    [2, "actors", "Actor", "repeated"],
  ],
  Polyline: [
    [1, "x_m", "double", "repeated"],
    [2, "y_m", "double", "repeated"],
  ],
  Lane: [
    [1, "id", "int64"],
    [2, "centerline", "Polyline"],
    [3, "left", "Polyline"],
    [4, "right", "Polyline"],
    [5, "left_marking", "Marking"],
    [6, "right_marking", "Marking"],
    [7, "is_junction", "bool"],
    [8, "successors", "int64", "repeated"],
    [9, "speed_limit_mps", "optional double"],
  ],
  StopLine: [
    [1, "line", "Polyline"],
    [2, "light_id", "optional int64"],
    [3, "is_stop_sign", "bool"],
  ],
  MapLight: [
    [1, "id", "int64"],
    [2, "x_m", "double"],
    [3, "y_m", "double"],
    [4, "z_m", "double"],
    [5, "yaw_rad", "double"],
  ],
  RoadMap: [
    [1, "lanes", "Lane", "repeated"],
    [2, "drivable", "Polyline", "repeated"],
    [3, "crosswalks", "Polyline", "repeated"],
    [4, "stop_lines", "StopLine", "repeated"],
    [5, "lights", "MapLight", "repeated"],
  ],
};

const ownEnums = {
  ActorKind: ["OTHER", "CAR", "TRUCK", "PEDESTRIAN", "CYCLIST"],
  Indicator: ["INDICATOR_NONE", "INDICATOR_LEFT", "INDICATOR_RIGHT"],
  Marking: ["MARKING_NONE", "MARKING_SOLID", "MARKING_DASHED"],
} as const;

const ownScalars: Readonly<Record<string, Type>> = {
  double: Type.DOUBLE,
  int32: Type.INT32,
  int64: Type.INT64,
  bool: Type.BOOL,
};

function ownFile(): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, {
    name: "causeway/drive.proto",
    package: "causeway",
    syntax: "proto3",
    dependency: [file_google_protobuf_timestamp.proto.name],
    enumType: Object.entries(ownEnums).map(([name, values]) => ({
      name,
      value: values.map((v, number) => ({ name: v, number })),
    })),
    messageType: Object.entries(ownMessages).map(([name, fields]) => {
      // proto3 presence is a one-member oneof in descriptors.
      const optional = fields.filter(([, , type]) => type.startsWith("optional "));
      return {
        name,
        oneofDecl: optional.map(([, field]) => ({ name: `_${field}` })),
        field: fields.map((row) => {
          const [number, field, typeText, repeated] = row;
          const type = typeText.replace("optional ", "");
          const base = {
            name: field,
            jsonName: jsonName(field),
            number,
            label: repeated === undefined ? Label.OPTIONAL : Label.REPEATED,
            ...(type === typeText
              ? {}
              : { proto3Optional: true, oneofIndex: optional.indexOf(row) }),
          };
          if (type === "time") {
            return { ...base, type: Type.MESSAGE, typeName: ".google.protobuf.Timestamp" };
          }
          const scalar = ownScalars[type];
          if (scalar !== undefined) return { ...base, type: scalar };
          return {
            ...base,
            type: type in ownEnums ? Type.ENUM : Type.MESSAGE,
            typeName: `.causeway.${type}`,
          };
        }),
      };
    }),
  });
}

const cache = new Map<string, Uint8Array>();

/** Serialised FileDescriptorSet for "foxglove.X" or "causeway.X", with everything it depends on, dependencies first. */
export function descriptorSet(messageName: string): Uint8Array {
  let bytes = cache.get(messageName);
  if (bytes !== undefined) return bytes;
  const files = new Map<string, FileDescriptorProto>();
  const name = messageName.split(".")[1] as string;
  if (messageName.startsWith("causeway.")) {
    if (!(name in ownMessages)) throw new Error(`no message ${messageName}`);
    const time = file_google_protobuf_timestamp.proto;
    files.set(time.name, time);
    files.set("own", ownFile());
  } else {
    const schema = (foxgloveMessageSchemas as Record<string, FoxgloveMessageSchema>)[name];
    if (schema === undefined) throw new Error(`no Foxglove message ${messageName}`);
    collect(schema, files);
  }
  bytes = toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [...files.values()] }),
  );
  cache.set(messageName, bytes);
  return bytes;
}
