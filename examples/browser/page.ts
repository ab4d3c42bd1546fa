/** The page around the model: pictures in, sentence and paths out. */
import { type Asking, ModelPage, type PlainAnswer, type PlainScene } from "./model-page.ts";

const elementOf = <E extends HTMLElement>(id: string): E => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element "${id}"`);
  return found as E;
};
const numberOf = (id: string): number => elementOf<HTMLInputElement>(id).valueAsNumber;
const status = elementOf("status");
const button = elementOf<HTMLButtonElement>("drive");

/** A straight road under an even sky: what a camera sees when no picture was chosen. */
function drawRoad(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.fillStyle = "#9db4c8";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#5f7350";
  context.fillRect(0, height / 2, width, height / 2);
  context.fillStyle = "#555";
  context.beginPath();
  context.moveTo(width * 0.49, height / 2);
  context.lineTo(width * 0.51, height / 2);
  context.lineTo(width * 0.85, height);
  context.lineTo(width * 0.15, height);
  context.fill();
}

/** The chosen picture of a camera at the model's size, or the drawn road. */
async function pictureOf(camera: string, width: number, height: number) {
  const canvas = elementOf<HTMLCanvasElement>(`view-${camera}`);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser gives no 2D canvas");
  const file = elementOf<HTMLInputElement>(`file-${camera}`).files?.[0];
  if (file === undefined) drawRoad(context, width, height);
  else context.drawImage(await createImageBitmap(file), 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, pixels };
}

async function sceneOfForm(model: ModelPage): Promise<PlainScene> {
  const { manifest } = model.codec;
  const { widthPx, heightPx } = manifest.image;
  const cameras: Record<string, Awaited<ReturnType<typeof pictureOf>>[]> = {};
  for (const { name } of manifest.cameras) {
    const picture = await pictureOf(name, widthPx, heightPx);
    // One picture is a world that stands still for the third of a second that the frames span.
    cameras[name] = Array.from({ length: manifest.framesPerCamera }, () => picture);
  }
  const count = manifest.historyPoses;
  const zeros = Array.from({ length: count }, () => 0);
  const speedMps = numberOf("speed");
  const navText = elementOf<HTMLInputElement>("route").value.trim();
  return {
    cameras,
    history: {
      x: zeros.map((_, i) => speedMps * 0.1 * (i + 1 - count)),
      y: zeros,
      z: zeros,
      yaw: zeros,
    },
    navText: navText === "" ? null : navText,
  };
}

/** Paths from above, forward up, left to the left; one scale for both axes. */
function drawPaths(answers: readonly PlainAnswer[]): void {
  const canvas = elementOf<HTMLCanvasElement>("paths");
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const ahead = Math.max(10, ...answers.flatMap(({ x }) => x));
  const aside = Math.max(5, ...answers.flatMap(({ y }) => y.map(Math.abs)));
  const scale = Math.min((height - 20) / ahead, (width / 2 - 10) / aside);
  context.strokeStyle = "#1668c7";
  for (const { x, y } of answers) {
    context.beginPath();
    context.moveTo(width / 2, height - 10);
    x.forEach((forward, i) =>
      context.lineTo(width / 2 - scale * (y[i] as number), height - 10 - scale * forward),
    );
    context.stroke();
  }
}

function addCameras(model: ModelPage): void {
  const { manifest } = model.codec;
  for (const { name } of manifest.cameras) {
    const canvas = document.createElement("canvas");
    canvas.id = `view-${name}`;
    canvas.width = manifest.image.widthPx;
    canvas.height = manifest.image.heightPx;
    const file = document.createElement("input");
    file.id = `file-${name}`;
    file.type = "file";
    file.accept = "image/*";
    const label = document.createElement("label");
    label.append(name, canvas, file);
    elementOf("cameras").append(label);
  }
}

async function answerForm(model: ModelPage): Promise<void> {
  button.disabled = true;
  status.textContent = "driving …";
  try {
    const start = performance.now();
    const answers = await model.drive(await sceneOfForm(model), {
      seed: numberOf("seed"),
      samples: 6,
      temperature: numberOf("temperature"),
    });
    const seconds = (performance.now() - start) / 1000;
    elementOf("answer").textContent = answers[0]?.text ?? "";
    drawPaths(answers);
    status.textContent = `${answers.length} paths in ${seconds.toFixed(2)} s`;
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    button.disabled = false;
  }
}

declare global {
  // For the console, and for tests: resolves when the model is loaded.
  var causeway: Promise<{
    drive(scene: PlainScene, asking: Asking): Promise<readonly PlainAnswer[]>;
  }>;
}

globalThis.causeway = ModelPage.open({
  model: new URL("model/", document.baseURI).href,
  runtime: new URL("runtime/", document.baseURI).href,
  // Threads share memory, which pages may do only when they are isolated from others.
  threads: crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1,
}).then(
  (model) => {
    addCameras(model);
    button.addEventListener("click", () => void answerForm(model));
    button.disabled = false;
    status.textContent = `${model.codec.manifest.name} is loaded`;
    return model;
  },
  (error: unknown) => {
    status.textContent = error instanceof Error ? error.message : String(error);
    throw error;
  },
);
