/** Golden topic "text-metrics": text scores, correlation, bootstrap and agreement. Files are recognised by their keys. */
import {
  cohenKappa,
  clopperPearson,
  ordinalAccuracy,
  wilsonInterval,
  type KappaWeights,
} from "../statistics/agreement.ts";
import {
  averageRanks,
  kendall,
  pearson,
  pearsonValue,
  spearman,
} from "../statistics/correlation.ts";
import {
  basicInterval,
  bcaInterval,
  mulberry32,
  percentileInterval,
  resample,
} from "../statistics/resampling.ts";
import {
  type BleuOptions,
  corpusBleu,
  sentenceBleu,
  type Smoothing,
  type TextPair,
} from "../text/bleu.ts";
import { type ChrfOptions, corpusChrf, sentenceChrf } from "../text/chrf.ts";
import { longestCommonSubsequence, rouge, rougeTokens, type RougeScore } from "../text/rouge.ts";
import { type ChenCherryMethod, tokenBleu, type TokenPair } from "../text/token-bleu.ts";
import { tokenise, type TokeniserName } from "../text/tokenise.ts";
import {
  checkFiles,
  type GoldenCheck,
  type GoldenFolder,
  isObject,
  type Json,
  Meter,
  numbersOf,
  numberOf,
  rowsOf,
} from "./check.ts";

type Pair = TextPair & { readonly id: string };
const close = 1e-9;

const tokeniserOf = (name: unknown): TokeniserName => {
  if (name === "none") return "whitespace";
  if (name === "13a" || name === "intl" || name === "zh" || name === "char") return name;
  throw new TypeError(`tokeniser ${JSON.stringify(name)} is not implemented`);
};

function smoothingOf(row: Json): Smoothing {
  const value = typeof row.smooth_value === "number" ? row.smooth_value : null;
  if (row.smooth === "none") return { kind: "none" };
  if (row.smooth === "exp") return { kind: "exp" };
  if (row.smooth === "floor") return { kind: "floor", value: value ?? 0.1 };
  if (row.smooth === "add-k") return { kind: "add-k", value: value ?? 1 };
  throw new TypeError(`smoothing ${JSON.stringify(row.smooth)} is not implemented`);
}

const bleuOptions = (row: Json): BleuOptions => ({
  tokeniser: tokeniserOf(row.tokenize),
  isLowercase: row.lowercase === true,
  smoothing: smoothingOf(row),
  maxOrder: Array.isArray(row.counts) ? row.counts.length : 4,
  effectiveOrder: row.effective_order === true,
});

function checkBleu(content: Json): GoldenCheck[] {
  const pairs = content.pairs as readonly Pair[];
  const byId = new Map(pairs.map((p) => [p.id, p]));
  const subsets = content.subsets as Readonly<Record<string, readonly string[]>>;
  const corpus = new Meter();
  for (const row of rowsOf(content.corpus)) {
    const subset = subsets[String(row.subset)].map((id) => byId.get(id) as Pair);
    const got = corpusBleu(subset, bleuOptions(row));
    const where = `${String(row.subset)} ${String(row.tokenize)} ${String(row.smooth)}`;
    corpus.add(`${where} score`, got.score * 100, row.score, close, close);
    corpus.addAll(`${where} counts`, got.counts, row.counts);
    corpus.addAll(`${where} totals`, got.totals, row.totals);
    corpus.addAll(
      `${where} precisions`,
      got.precisions.map((p) => p * 100),
      row.precisions,
      close,
      close,
    );
    corpus.add(`${where} brevity penalty`, got.brevityPenalty, row.bp, close, close);
    corpus.add(`${where} length`, got.hypothesisLength, row.sys_len);
    corpus.add(`${where} reference length`, got.referenceLength, row.ref_len);
  }
  const tokens = new Meter();
  const sentence = new Meter();
  for (const row of rowsOf(content.sentence)) {
    const pair = byId.get(String(row.id)) as Pair;
    for (const [name, expected] of Object.entries(isObject(row.tokens) ? row.tokens : {})) {
      const { hypothesis, references } = expected as TextPair;
      const texts = [pair.hypothesis, ...pair.references];
      [hypothesis, ...references].forEach((wanted, i) => {
        const got = tokenise(texts[i], tokeniserOf(name));
        tokens.expect(
          `${String(row.id)} ${name}: got "${got}", expected "${wanted}"`,
          got === wanted,
        );
      });
    }
    for (const score of rowsOf(row.bleu)) {
      const got = sentenceBleu(pair, bleuOptions(score));
      const where = `${String(row.id)} ${String(score.tokenize)} ${String(score.smooth)}`;
      sentence.add(`${where} score`, got.score * 100, score.score, close, close);
      sentence.addAll(`${where} counts`, got.counts, score.counts);
      sentence.addAll(`${where} totals`, got.totals, score.totals);
      sentence.add(`${where} brevity penalty`, got.brevityPenalty, score.bp, close, close);
    }
  }
  return [
    tokens.result("bleu/tokens", "exact"),
    corpus.result("bleu/corpus", "abs 1e-9 + rel 1e-9; counts exact"),
    sentence.result("bleu/sentence", "abs 1e-9 + rel 1e-9; counts exact"),
  ];
}

/** The corpus row is over the pairs that `bleu.json` holds too; further sentences are single examples. */
function checkTokenBleu(content: Json, corpus: readonly Pair[]): GoldenCheck[] {
  const meter = new Meter();
  const methods = [0, 1, 2, 3, 4] as const;
  const corpusIds = new Set<unknown>(corpus.map((p) => p.id));
  const pairs = rowsOf(content.sentence) as unknown as (TokenPair & Json)[];
  const compare = (
    where: string,
    of: readonly TokenPair[],
    row: Json,
    method: ChenCherryMethod,
  ) => {
    const wanted = numberOf(row[`method${method}`]) ?? Number.NaN;
    meter.add(
      `${where} method ${method}`,
      tokenBleu(of, method),
      wanted < 1e-100 ? 0 : wanted,
      close,
      close,
    );
  };
  for (const method of methods) {
    for (const pair of pairs) compare(String(pair.id), [pair], pair, method);
    if (isObject(content.corpus_nonempty_pairs)) {
      const nonEmpty = pairs.filter(
        (p) =>
          corpusIds.has(p.id) && p.hypothesis.length > 0 && p.references.every((r) => r.length > 0),
      );
      compare("corpus", nonEmpty, content.corpus_nonempty_pairs, method);
    }
  }
  return [meter.result("bleu-whitespace", "abs 1e-9 + rel 1e-9")];
}

function checkChrf(content: Json, pairs: readonly Pair[]): GoldenCheck[] {
  const meter = new Meter();
  for (const row of rowsOf(content.results)) {
    const config = row.config as Json;
    const options: ChrfOptions = {
      charOrder: Number(config.char_order),
      wordOrder: Number(config.word_order),
      beta: Number(config.beta),
      isLowercase: config.lowercase === true,
      keepsWhiteSpace: config.whitespace === true,
      epsSmoothing: config.eps_smoothing === true,
    };
    const where = JSON.stringify(config);
    meter.add(`${where} corpus`, corpusChrf(pairs, options) * 100, row.corpus, close, close);
    for (const [id, expected] of Object.entries(row.sentence as Json)) {
      const pair = pairs.find((p) => p.id === id) as Pair;
      meter.add(`${where} ${id}`, sentenceChrf(pair, options) * 100, expected, close, close);
    }
  }
  return [meter.result("chrf", "abs 1e-9 + rel 1e-9")];
}

function checkRouge(content: Json, pairs: readonly Pair[]): GoldenCheck[] {
  const meter = new Meter();
  for (const row of rowsOf(content.rows)) {
    const pair = pairs.find((p) => p.id === row.id) as Pair;
    const got = rouge(pair, row.accumulate === "avg" ? "mean" : "best");
    const where = `${String(row.id)} ${String(row.accumulate)}`;
    const same = (text: string, wanted: unknown) =>
      meter.expect(
        `${where}: tokens differ`,
        rougeTokens(text).join(" ") === (wanted as string[]).join(" "),
      );
    same(pair.hypothesis, row.hypothesis_tokens);
    pair.references.forEach((reference, i) => {
      same(reference, (row.reference_tokens as string[][])[i]);
      const length = longestCommonSubsequence(rougeTokens(pair.hypothesis), rougeTokens(reference));
      meter.add(`${where} lcs`, length, (row.lcs as number[])[i]);
    });
    const compare = (name: string, score: RougeScore, wanted: Json, abs: number) => {
      if ("precision" in wanted)
        meter.add(`${where} ${name} P`, score.precision, wanted.precision, abs);
      if ("recall" in wanted) meter.add(`${where} ${name} R`, score.recall, wanted.recall, abs);
      meter.add(`${where} ${name} F`, score.f, wanted.fmeasure, abs);
    };
    compare("rouge1", got.rouge1, row.rouge1 as Json, 1e-6);
    compare("rouge2", got.rouge2, row.rouge2 as Json, 1e-6);
    compare("rougeL", got.rougeL, row.rougeL as Json, 1e-6);
    if (isObject(row.rougeL_f64)) compare("rougeL f64", got.rougeL, row.rougeL_f64, 1e-12);
  }
  return [meter.result("rouge", "abs 1e-6 (float32 reference); ROUGE-L F 1e-12")];
}

function checkCorrelation(content: Json): GoldenCheck[] {
  const meter = new Meter();
  for (const row of rowsOf(content.rows)) {
    const x = numbersOf(row.x);
    const y = numbersOf(row.y);
    // These two lose about 7 digits to cancellation in any method.
    const tolerance = /^(tiny-variance|large-offset)$/.test(String(row.name)) ? 1e-6 : close;
    const value = (key: string, got: number | null) =>
      meter.add(`${String(row.name)} ${key}`, got, row[key], tolerance, tolerance);
    const p = (key: string, got: number | null) =>
      meter.add(`${String(row.name)} ${key}`, got, row[key], 1e-300, Math.max(1e-6, tolerance));
    const [r, rho, tau] = [pearson(x, y), spearman(x, y), kendall(x, y)];
    value("pearson", r.value);
    p("pearson_p", r.p);
    value("spearman", rho.value);
    p("spearman_p", rho.p);
    value("kendall_tau_b", tau.tauB);
    value("kendall_tau_c", tau.tauC);
    p("kendall_p_asymptotic", tau.p);
    if (Array.isArray(row.ranks_x))
      meter.addAll(`${String(row.name)} ranks`, averageRanks(x), row.ranks_x);
    if (Array.isArray(row.ranks_y))
      meter.addAll(`${String(row.name)} ranks`, averageRanks(y), row.ranks_y);
  }
  return [meter.result("correlation", "abs 1e-9 + rel 1e-9; p-values rel 1e-6")];
}

function statisticOf(name: unknown, data: readonly unknown[]): (rows: Int32Array) => number {
  if (name === "pearson") {
    const [x, y] = [0, 1].map((c) => data.map((row) => Number((row as number[])[c])));
    return (rows) =>
      pearsonValue(
        Array.from(rows, (i) => x[i]),
        Array.from(rows, (i) => y[i]),
      );
  }
  const values = numbersOf(data);
  if (name === "mean") return (rows) => rows.reduce((sum, i) => sum + values[i], 0) / rows.length;
  if (name === "median")
    return (rows) => {
      const sorted = Float64Array.from(rows, (i) => values[i]).sort();
      const n = sorted.length;
      return (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
    };
  throw new TypeError(`statistic ${JSON.stringify(name)} is not implemented`);
}

function checkBootstrap(content: Json): GoldenCheck[] {
  const meter = new Meter();
  if (isObject(content.algorithm)) {
    const next = mulberry32(1);
    const first = content.algorithm.first_8_outputs_seed_1;
    meter.addAll("generator", Array.from({ length: 8 }, next), first);
  }
  for (const row of rowsOf(content.rows)) {
    const data = row.data as readonly unknown[];
    const seed = Number(row.seed);
    const where = `${String(row.name)}/${String(row.resamples)}`;
    const next = mulberry32(seed);
    const indices = data.map(() => Math.floor((next() / 2 ** 32) * data.length));
    meter.addAll(`${where} indices`, indices, row.first_resample_indices);
    const got = resample(data.length, statisticOf(row.statistic, data), {
      seed,
      resamples: Number(row.resamples),
    });
    meter.add(`${where} estimate`, got.estimate, row.estimate, 1e-12);
    meter.addAll(`${where} statistics`, got.drawn.subarray(0, 5), row.first_5_statistics, 1e-12);
    meter.add(`${where} undefined`, got.undefinedResamples, row.undefined_resamples);
    for (const [confidence, wanted] of Object.entries(row.intervals as Json)) {
      const level = Number(confidence);
      const { percentile, basic, bca } = wanted as Json;
      meter.addAll(
        `${where} ${confidence} percentile`,
        percentileInterval(got, level),
        percentile,
        1e-12,
      );
      meter.addAll(`${where} ${confidence} basic`, basicInterval(got, level), basic, 1e-12);
      const interval = bcaInterval(got, level);
      if (bca === null)
        meter.expect(`${where} bca: got ${String(interval)}, expected none`, interval === null);
      else meter.addAll(`${where} ${confidence} bca`, interval ?? [], bca, 1e-6);
    }
  }
  return [meter.result("bootstrap", "indices exact; percentile 1e-12; BCa 1e-6")];
}

function checkAgreement(content: Json): GoldenCheck[] {
  const kappa = new Meter();
  for (const row of rowsOf(content.cohen_kappa))
    for (const weights of ["unweighted", "linear", "quadratic"] satisfies KappaWeights[])
      kappa.add(
        `${String(row.name)} ${weights}`,
        cohenKappa(numbersOf(row.a), numbersOf(row.b), weights),
        row[weights],
        close,
        close,
      );
  const intervals = new Meter();
  for (const row of rowsOf(content.binomial_intervals)) {
    const given = [Number(row.successes), Number(row.n), Number(row.confidence)] as const;
    const where = given.join("/");
    intervals.addAll(`${where} Wilson`, wilsonInterval(...given), row.wilson, close, close);
    intervals.addAll(
      `${where} Wilson cc`,
      wilsonInterval(...given, true),
      row.wilson_cc,
      close,
      close,
    );
    intervals.addAll(`${where} exact`, clopperPearson(...given), row.clopper_pearson, 1e-7);
  }
  const ordinal = new Meter();
  for (const row of rowsOf(content.ordinal_accuracy)) {
    const predicted = (row.prediction as unknown[]).map(numberOf);
    const got = ordinalAccuracy(numbersOf(row.truth), predicted);
    const compare = (key: string, value: number | null) =>
      ordinal.add(`${String(row.name)} ${key}`, value, row[key], close);
    compare("n", got.n);
    compare("parsed", got.parsed);
    compare("exact", got.exact);
    compare("within_1", got.withinOne);
    compare("accuracy_of_parsed", got.accuracyOfParsed);
    compare("accuracy_of_all", got.accuracyOfAll);
    compare("within_1_of_parsed", got.withinOneOfParsed);
    compare("within_1_of_all", got.withinOneOfAll);
    compare("mean_absolute_error_of_parsed", got.meanAbsoluteErrorOfParsed);
  }
  return [
    kappa.result("agreement/kappa", "abs 1e-9 + rel 1e-9"),
    intervals.result("agreement/intervals", "abs 1e-9 + rel 1e-9; exact interval 1e-7"),
    ordinal.result("agreement/ordinal", "abs 1e-9"),
  ];
}

/** One result per table of the folder. */
export async function checkTextMetrics(
  caseJson: unknown,
  folder: GoldenFolder,
): Promise<GoldenCheck[]> {
  const cases = rowsOf(isObject(caseJson) ? caseJson.cases : []);
  const files = cases.map((c) => String(c.file));
  let pairs: readonly Pair[] | null = null;
  const sharedPairs = async (content: Json): Promise<readonly Pair[]> => {
    if (Array.isArray(content.pairs)) return content.pairs as readonly Pair[];
    pairs ??= (JSON.parse(await folder.text("bleu.json")) as { pairs: readonly Pair[] }).pairs;
    return pairs;
  };
  return checkFiles(files, folder, (content) => {
    if ("corpus" in content && "subsets" in content) return checkBleu;
    if ("methods" in content && "sentence" in content)
      return async (c) => checkTokenBleu(c, await sharedPairs(c));
    if ("results" in content) return async (c) => checkChrf(c, await sharedPairs(c));
    if ("cohen_kappa" in content) return checkAgreement;
    const first = rowsOf(content.rows)[0] ?? {};
    if ("rougeL" in first) return async (c) => checkRouge(c, await sharedPairs(c));
    if ("spearman" in first) return checkCorrelation;
    if ("intervals" in first) return checkBootstrap;
    return null;
  });
}
