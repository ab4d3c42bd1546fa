/**
 * Chat templates of checkpoints (Jinja), rendered as transformers renders them: trim_blocks, lstrip_blocks, `tojson`
 * with ", " and ": ".
 */
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { FormatError } from "../errors.ts";

export type TemplatePart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image" }
  | { readonly type: "video" };

export interface TemplateMessage {
  readonly role: string;
  readonly content: string | readonly TemplatePart[];
}

export interface TemplateOptions {
  readonly addGenerationPrompt?: boolean;
  /** "Picture 1: " before each picture. */
  readonly addVisionId?: boolean;
  readonly tools?: readonly unknown[];
}

/** A template is code of a stranger: it gets no more text and no longer ranges than an honest one needs. */
const maxTemplateChars = 256 * 1024;
const maxRange = 10_000;

function boundedRange(...args: readonly unknown[]): number[] {
  const [a = 0, b, step = 1] = args.map(Number);
  const [first, end] = b === undefined ? [0, a] : [a, b];
  const count = Math.max(0, Math.ceil((end - first) / step));
  if (!(count <= maxRange)) throw new Error(`range of ${count} items; at most ${maxRange}`);
  return Array.from({ length: count }, (_, i) => first + i * step);
}

/** What Jinja and transformers define; no clock. */
const globals: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
};

export class ChatTemplate {
  /** The Jinja source, to be saved again. */
  readonly source: string;
  readonly #template: Template;

  constructor(source: string) {
    if (source.length > maxTemplateChars) {
      throw new FormatError(
        `chat template: ${source.length} characters; at most ${maxTemplateChars} are accepted`,
      );
    }
    this.source = source;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new FormatError(`chat template: not valid Jinja: ${messageOf(cause)}`, null, { cause });
    }
  }

  /** One placeholder per picture or video; `expandMedia` makes the rest. */
  render(messages: readonly TemplateMessage[], options: TemplateOptions = {}): string {
    try {
      // Not `Template.render`: its own `range` has no bound.
      const environment = new Environment();
      for (const [name, value] of Object.entries({
        ...globals,
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? false,
        ...(options.addVisionId === undefined ? {} : { add_vision_id: options.addVisionId }),
        ...(options.tools === undefined ? {} : { tools: options.tools }),
      })) {
        environment.set(name, value);
      }
      const out = new Interpreter(environment).run(this.#template.parsed);
      if (typeof out.value !== "string") throw new Error("the result is not text");
      return out.value;
    } catch (cause) {
      throw new FormatError(`chat template: cannot render: ${messageOf(cause)}`, null, { cause });
    }
  }
}

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message.slice(0, 200) : String(cause);

/**
 * The template that a folder without one gets: what Qwen3-VL's Instruct template prints for plain conversations.
 * No tools, no default system text.
 */
export const plainTemplate = `{%- for message in messages %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'image' %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif part.type == 'video' %}
                {{- '<|vision_start|><|video_pad|><|vision_end|>' }}
            {%- else %}
                {{- part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}`;
