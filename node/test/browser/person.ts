/** People for whole-mesh tests: a page each with the SDK's bundle, in a browser context of its own. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "puppeteer-core";
import { eventually, openPage } from "./harness.ts";

const root = join(import.meta.dirname, "../../..");

export interface Site {
  readonly url: string;
  close(): void;
}

/** Serves the page and the built SDK on loopback, as an application that embeds rooms does. */
export async function serveApplication(): Promise<Site> {
  const html = readFileSync(join(import.meta.dirname, "person-page.html"));
  const sdk = readFileSync(join(root, "dist/client-sdk/hearsay-client.js"));
  const server = createServer((request, response) => {
    const script = request.url === "/sdk.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? sdk : html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}

export interface EnterOptions {
  /** Any node: API calls go there. */
  readonly url: string;
  /** Name of the node that shall serve this person. */
  readonly pin: string;
  readonly slug: string;
  readonly name: string;
  /** Registers and makes the room first. */
  readonly create?: { readonly handle: string; readonly capacity?: number };
  readonly audio?: boolean;
  readonly video?: boolean;
}

export interface Report {
  readonly state: string;
  readonly node?: string;
  readonly people: readonly { readonly name: string; readonly node: string; readonly state: string }[];
  /** Everything that the room told, oldest first: [event, ...details]. */
  readonly log: readonly (readonly unknown[])[];
  /** Frames decoded so far, by the name of who is seen. */
  readonly videos: Readonly<Record<string, number>>;
  /** WebRTC's totalAudioEnergy over all incoming audio. */
  readonly audioEnergy: number;
}

export class Person {
  readonly options: EnterOptions;
  readonly page: Page;
  readonly #context: BrowserContext | undefined;

  private constructor(options: EnterOptions, page: Page, context: BrowserContext | undefined) {
    this.options = options;
    this.page = page;
    this.#context = context;
  }

  static async arrive(browser: Browser, site: Site, options: EnterOptions): Promise<Person> {
    const context = browser.browserContexts().length > 0 ? await browser.createBrowserContext() : undefined;
    const page = await openPage(context === undefined ? browser : (context as unknown as Browser), site.url);
    const person = new Person(options, page, context);
    await person.#enter({ audio: true, video: true, ...options });
    return person;
  }

  async #enter(options: EnterOptions): Promise<void> {
    await this.page.waitForSelector("body[data-ready]");
    await this.page.evaluate(`person.enter(${JSON.stringify(options)})`);
  }

  async report(): Promise<Report> {
    return (await this.page.evaluate("person.report()")) as Report;
  }

  /** Reloads the page and enters again, as a person who presses F5. */
  async refresh(): Promise<void> {
    await this.page.reload();
    const { create: _made, ...options } = this.options;
    await this.#enter({ audio: true, video: true, ...options });
  }

  /** Waits until `more` further frames of somebody were decoded. */
  async sees(name: string, more = 20, limitMs = 20_000): Promise<void> {
    const before = (await this.report()).videos[name] ?? 0;
    const seen = (report: Report): boolean => (report.videos[name] ?? 0) >= before + more;
    await eventually(`${this.options.name} sees ${name}`, () => this.report(), seen, limitMs);
  }

  /** Waits until somebody's picture changes: frames of a frozen picture would count, too. */
  async seesMoving(name: string): Promise<void> {
    const look = (): Promise<unknown> => this.page.evaluate(`person.fingerprint(${JSON.stringify(name)})`);
    const first = await eventually(`${this.options.name} has a picture of ${name}`, look, (picture) => picture !== "");
    await eventually(`the picture of ${name} moves`, look, (picture) => picture !== first);
  }

  /** Waits until `energy` more of WebRTC's audio energy came in. */
  async hears(energy = 0.005): Promise<void> {
    const before = (await this.report()).audioEnergy;
    const heard = (report: Report): boolean => report.audioEnergy >= before + energy;
    await eventually(`${this.options.name} hears somebody`, () => this.report(), heard);
  }

  async send(text: string): Promise<void> {
    await this.page.evaluate(`person.send(${JSON.stringify(text)})`);
  }
  async history(): Promise<readonly string[]> {
    return (await this.page.evaluate("person.history()")) as readonly string[];
  }
  async leave(): Promise<void> {
    await this.page.evaluate("person.leave()");
  }
  async close(): Promise<void> {
    await (this.#context?.close() ?? this.page.close());
  }
}

/** What a room told this person, of one kind. */
export const told = (report: Report, event: string): readonly (readonly unknown[])[] =>
  report.log.filter(([name]) => name === event);
