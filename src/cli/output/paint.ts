import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours of one stream, or none at all. */
export type Paint = { readonly coloured: boolean } & { readonly [style in Style]: (text: string) => string };

export function makePaint(coloured: boolean): Paint {
  const styled = (style: Style) => (text: string) =>
    // `coloured` was decided from the stream and the environment. Without the option, Node would ask stdout again.
    coloured && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  return {
    coloured,
    bold: styled("bold"),
    dim: styled("dim"),
    red: styled("red"),
    green: styled("green"),
    yellow: styled("yellow"),
    cyan: styled("cyan"),
  };
}
