// The part of gifenc that the player uses.

export type Colour = [red: number, green: number, blue: number];
type Pixels = Uint8Array | Uint8ClampedArray; // red, green, blue and alpha of each pixel

interface Frame {
  /** Needed for the first frame, whose palette the others share. */
  palette?: Colour[];
  transparent?: boolean;
  transparentIndex?: number;
  /** Milliseconds, rounded to hundredths of a second. */
  delay?: number;
  /** 0 for ever. */
  repeat?: number;
  /** 1 leaves the frame in place under the next one. */
  dispose?: number;
}

interface Encoder {
  writeFrame(index: Uint8Array, width: number, height: number, frame: Frame): void;
  finish(): void;
  bytes(): Uint8Array<ArrayBuffer>;
}

export function GIFEncoder(): Encoder;
export function quantize(rgba: Pixels, colours: number, options?: { format?: "rgb565" | "rgb444" }): Colour[];
export function applyPalette(rgba: Pixels, palette: Colour[], format?: "rgb565" | "rgb444"): Uint8Array;
