/** Rows of one CSV table (RFC 4180: quoted fields, doubled quotes). */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isQuoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else isQuoted = false;
    } else if (c === '"') isQuoted = true;
    else if (c === "," || c === "\n") {
      row.push(field.replace(/\r$/, ""));
      field = "";
      if (c === "\n") {
        rows.push(row);
        row = [];
      }
    } else field += c;
  }
  if (field !== "" || row.length > 0) rows.push([...row, field.replace(/\r$/, "")]);
  return rows.filter((r) => r.some((f) => f !== ""));
}
