// What travels between the player's modules; tsc checks the scripts against these types.

declare namespace FM {
  /** The numbers of a block as they were sent; real value = number * scale. */
  interface Block {
    values: Float32Array | Int16Array | Int8Array | Uint8Array;
    shape: number[];
    scale: number;
  }

  /** What a packet's header says of a block; `name` is the block's dotted path in the decoded header. */
  interface BlockNote {
    name: string;
    type: "float32" | "int16" | "int8" | "uint8";
    shape: number[];
    scale: number;
  }

  /** A message of the server: a header, and the bytes that come with it. */
  interface Message {
    header: {
      /** Updates of controls, by component number. */
      updates?: Record<string, object>;
      /** How many runs come before this one, and about how many seconds they take. */
      before?: number;
      seconds?: number;
      refused?: string;
      /** The name of the file whose content the bytes are. */
      file: string;
      /** Of a packet: what the bytes are. */
      blocks?: BlockNote[];
      [name: string]: unknown;
    };
    data: ArrayBuffer;
  }

  /** The states of a side, or their times. */
  type Times = ArrayLike<number>;

  /** Where a time falls among states: the state before it, and the fraction of the step since. */
  interface Place {
    state: number;
    fraction: number;
  }

  /** One of the runs shown beside each other; its k-th state is at time t.values[k], from 0 to 1. */
  interface Side {
    flow: string;
    /** What it is made of; of two sides, what tells it apart. */
    title: string;
    /** All that it is made of. */
    label: string;
    schedule: string;
    formula: string;
    solver: string;
    solver_title: string;
    correlated: boolean;
    steps: number;
    spacing: "equal" | "short-first" | "short-last";
    /** Of the noise on the way: η, and whether the drift is corrected for it. */
    noise: number;
    drift: "corrected" | "uncorrected";
    nfe: number;
    milliseconds: number;
    statistics: { variance: number[][] };
    theory: Theory;
    t: Block;
  }

  /** Series of Var X_t on a fine grid of times, and the standard errors of their measurement. */
  interface Theory {
    t: number[];
    values: number[][];
    errors: number[][];
  }

  /** A decoded packet. */
  interface Run {
    kind: "points" | "digits" | "translation";
    source: string;
    target: string;
    particles: number;
    seed?: number;
    query: string;
    sides: Side[];
  }

  type FieldName = "learned" | "exact";

  interface OfPairs {
    /** At each state, but null at both ends: how far central differences are from velocities, relative to them. */
    difference?: (number | null)[];
    /** Mean squared distance of partners. */
    distance2?: number;
    /** The share of the pairs of straight lines between partners that cross. */
    crossing?: number;
  }

  interface PointsSide extends Side {
    velocity: "learned" | "exact" | "relu-output" | "one-step" | "pairs";
    coupling: "independent" | "ot";
    /** Of pairs: how many optimal transport matches at a time, and (α₁, β₁). */
    group?: number | null;
    end?: [number, number];
    /** Each series of variance and exact is [mean, first dimension, second dimension]. The exact field's is empty if
     * there is none; like what follows, it comes a little later than the rest. */
    statistics: Side["statistics"] & { exact?: number[][]; speed: number[]; straightness: number[] } & OfPairs;
    /** The error of the particles' ends against the exact field's: the median, and the share of those far off. */
    flow_map?: { median: number; far: number } | null;
    /** W2 of the last state, and of some more on demand. */
    distances?: { states: number[]; values: number[] };
    floor?: number;
    /** Of a network whose exact field is known: its error on a grid of times of its own, null where that field rests. */
    field_error?: { t: number[]; values: (number | null)[] } | null;
    x: Block;
    fields: { [name in FieldName]?: Block };
  }

  interface PointsRun extends Run {
    /** The names of the source and of the target. */
    ends: { source: string; target: string };
    window: [[number, number], [number, number]];
    /** What the grid of the fields spans. */
    field_window: [[number, number], [number, number]];
    /** The Gaussians that the data are made of, if they are few. */
    parts: { centres: [number, number][]; std: number } | null;
    density: Block;
    sides: PointsSide[];
  }

  /** What the velocities at one place and time are made of: see fm_core/ui/probes.py. */
  interface Probed {
    x: number[];
    t: number;
    sides: ProbedSide[];
  }

  interface ProbedSide {
    learned: number[] | null;
    exact: number[] | null;
    /** E[x_0 | x] and E[x_1 | x]; like what follows, only if the exact velocity is known. */
    x_0?: number[];
    x_1?: number[];
    /** log p_t(x) in nats, in closed form; null where there is none. */
    log_density?: number | null;
    /** (alpha, beta, their derivatives) at the time. */
    coefficients?: number[];
    /** How many of the groups that the data are made of hold 90 % of the probability given x, and how many there are. */
    groups?: [number, number];
    pairs?: { x_0: Block; x_1: Block; weights: Block };
    /** (alpha, beta) at evenly spaced times. */
    path?: Block;
  }

  /** log p(x) at the time, in nats. */
  interface Densities {
    flow: number;
    closed: number | null;
  }

  /** The way of a place from t = 0 to 1 on each flow, and its density. */
  interface ProbedFlow {
    sides: { lines: { learned?: Block; exact?: Block }; log_p: Densities }[];
  }

  interface ImageSide extends Side {
    /** norm, speed and neighbour are [mean, 10% quantile, 90% quantile] over the images, each by state. All but norm
     * come a little later, like what else is optional. */
    statistics: Side["statistics"] & {
      norm: number[][];
      confidence?: number[];
      speed?: number[][];
      neighbour?: number[][];
    };
    covariance: number;
    /** Whether the theory of the variance is about such images. */
    typical: boolean;
    /** Of digits: the field, the window of the perfect network (null: the whole image), and until when it holds. */
    velocity?: "learned" | "perfect";
    window?: number | null;
    until?: number;
    /** (a, b) of each state: the predicted end is a x + b v. */
    coefficients: [number, number][];
    x: Block;
    /** On demand. */
    v?: Block;
    /** On demand: ‖J‖/√784 at some states. */
    steepness?: { states: number[]; values: number[] };
    probabilities?: Block;
    /** The predicted ends' places in the plane, (T, n, 2). */
    plane?: Block;
    /** The time from which on the most probable digit stays the same, of each image. */
    decided?: { median: number; each: number[] };
    /** Of translations: how the network was trained, with which share of noise in the pictures, */
    training?: string;
    training_title?: string;
    source_noise?: number;
    /** and if its pairs were of one class, the right digits, as far as they are known, and how many images became them. */
    right?: { digits: number[]; count: number } | null;
    /** Of digits: the training digit nearest to each end. */
    nearest?: { pixels: Block; labels: number[]; distances: number[]; usual: number };
  }

  interface ImagesRun extends Run {
    /** [mean, standard deviation] of the pixels of the source and of the target. */
    scales: [[number, number], [number, number]];
    /** Of translations: the pictures, before noise, and how often each is translated. */
    pictures?: Block;
    draws?: number;
    /** Training digits in the plane, the mean place of each digit, and the share of the variance that the plane holds;
     * null without a plane. */
    plane?: { places: Block; labels: Block; means: [number, number][]; share: number } | null;
    /** r² of the ends of B for those of A. */
    agreement?: { all: number; each: number[] } | null;
    sides: ImageSide[];
  }

  interface Options {
    speed: number;
    loop: boolean;
    statistic: string;
    dimensions: boolean;
    /** The chart's range is that of its curves. */
    close: boolean;
    /** What the pictures of points show. */
    layers: string[];
    view?: "x" | "end" | "speed" | "plane";
    [name: string]: unknown;
  }

  /** Places in a plane at each state, (T, n, 2). */
  interface Paths {
    t: Block;
    x: Block;
  }

  /** How places are drawn, in pixels: x = x0 + unit * value, y = y0 - unit * value. */
  interface Frame {
    side: Paths;
    unit: number;
    x0: number;
    y0: number;
  }

  /** All that drawing one side of the points needs. */
  interface Paper extends Palette {
    run: PointsRun;
    side: PointsSide;
    canvas: HTMLCanvasElement;
    context: CanvasRenderingContext2D;
    width: number;
    height: number;
    ratio: number;
    /** Of lines and marks, in the canvas' pixels. */
    weight: number;
    unit: number;
    x0: number;
    y0: number;
  }

  interface Palette {
    ink: string;
    soft: string;
    line: string;
    paper: string;
    accent: string;
    density: number[];
    particles: string[];
    of(name: string): string;
  }

  /** A velocity field on a grid at one time, and the longest of its arrows. */
  interface Arrows {
    values: Float32Array;
    longest: number;
    rows: number;
    columns: number;
  }

  /** Draws one side of one run on the canvas of a figure, in the size and the theme that it was made for. */
  interface Picture {
    draw(t: number, options: Options, selected: number | null): void;
    /** The particle or image at a pointer event, or null. */
    nearest(event: MouseEvent, t: number): number | null;
    /** Of points: the place at a pointer event, the pixels of a place, and the drawing of a probe. */
    placeAt?(event: MouseEvent): number[];
    pixelsOf?(at: number[]): number[] | null;
    drawProbe?(found: Probed, index: number, flow: ProbedFlow | null): void;
  }

  /** Makes a line of the chart; of the times x, those that y has values for. */
  type Line = (name: string, x: number[], y: number[], dash: string, width?: number, extra?: object | "band") => object;

  /** The lines of a chart for one side. */
  type Traces<R extends Run = Run> = {
    of(side: R["sides"][number], times: number[], line: Line, dimensions: boolean): object[];
  }["of"];

  /** What the player shows and says of runs of one kind; its fixed words are in the template of its views. */
  interface Scene<R extends Run = Run> {
    options(calm: boolean): Partial<Options>;
    /** Whether the variance has a curve for each of two dimensions. */
    dimensions: boolean;
    picture(figure: HTMLElement, run: R, index: number, options: Options): Picture;
    /** Whether there is what this run or view may lack: layers, views, statistics and figures. */
    offers(run: R, options: Options): Record<string, boolean>;
    /** Whether one can ask why an arrow points where it does. */
    probed?(run: R): boolean;
    /** The parts of a run that come on demand, and which of them are needed and missing. */
    onDemand: string[];
    lacks?(run: R, options: Options): string[];
    caption(run: R): string;
    /** [name, now, at the end] of each figure. */
    figures(side: R["sides"][number], state: number, run: R): [string, string, string][];
    readOut(side: R["sides"][number], t: number, selected: number): string;
    /** Why there is no chart of a statistic, in few words for the menu and in a sentence; null if there is one. */
    lacking?(run: R, statistic: string): [string, string] | null;
    /** What is said of the chosen one in both sides together. */
    together?(run: R, selected: number): string;
    /** A sentence on what a link to the run cannot have. */
    unlinked?(run: R): string;
    /** What is shown beneath of the chosen one. */
    detail?(place: HTMLElement, run: R, t: number, selected: number | null): void;
    /** In HTML. */
    explainVariance(run: R): string;
    traces: Record<string, Traces<R>>;
  }

  /** The properties of the Gradio component. */
  interface Props {
    plotly: string;
    tab: string;
    /** Queries of addresses, each with what to watch. */
    comparisons: [string, string][];
    /** Of a player in a lesson: how it shows its runs, as in an address. */
    search?: string;
  }

  /** What the player asks of the page. */
  interface Events {
    /** Asks for the values of the controls, which come with an event "values". */
    ask(): void;
    /** Asks to apply `updates` of the player's element to the controls, after which comes an event "applied". */
    apply(): void;
    /** Asks for the settings of an address. */
    restore(query: string): void;
  }

  /** The player's element, with the updates of controls that the newest answer asks for. */
  type Root = HTMLElement & { updates?: Record<string, object> };

  /** What the order of asking needs from outside. */
  interface Calls {
    /** Start the call of this ask. */
    run(ticket: number): void;
    /** End the call that runs. */
    stop(): void;
    newest(): number;
    busy(is: boolean): void;
    dragging(): boolean;
    /** Whether a number is being typed that cannot be; when that ends, something is asked. */
    typing(): boolean;
    /** A call failed; the next comes after this many seconds. */
    failed(pause: number): void;
  }

  /** What an entry module gives to the page. */
  type Mount = (element: HTMLElement, props: Props, events: Events) => import("./player.js").Player;

  /** An element in which Plotly has drawn. */
  interface PlotElement extends HTMLElement {
    on(event: string, callback: () => void): void;
  }

  interface PlotlyLibrary {
    react(plot: HTMLElement, traces: object[], layout: object, config: object): void;
    purge(plot: HTMLElement): void;
  }
}

declare const Plotly: FM.PlotlyLibrary;
interface Window {
  Plotly?: FM.PlotlyLibrary;
  fmPlotly?: Promise<unknown>;
}
