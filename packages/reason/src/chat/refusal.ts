/**
 * Refusals that come as an ordinary reply. They must never become a label or a score, so the rule is about how a
 * reply begins: an apology or a statement of inability, by the model about itself. A long reply is not a refusal:
 * models also apologise in passing.
 */
const patterns: readonly RegExp[] = [
  /^(i['’]?m|i am)?\s*(very |so |really )?sorry\b[^.]{0,80}\b(can(no|['’])?t|unable|not able|won['’]?t)\b/i,
  /^(i|we) (apologi[sz]e|regret)\b[^.]{0,80}\b(can(no|['’])?t|unable|not able|won['’]?t)\b/i,
  /^(unfortunately,? )?(as an ai\b[^.]{0,60},? )?(i|we) (can(no|['’])?t|am unable to|['’]?m unable to|am not able to|['’]?m not able to|won['’]?t) (be able to )?(help|assist|comply|provide|fulfil|describe|identify|analy[sz]e|process|continue|discuss|answer|engage|support|do that|view|see)\b/i,
  /^(this|your) (request|content|image|video|prompt)\b[^.]{0,60}\b(violates|against|was blocked|was flagged|not allowed)\b/i,
];

export function isRefusalText(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.length <= 600 && patterns.some((p) => p.test(trimmed));
}
