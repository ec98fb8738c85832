/**
 * Real browsers for tests: the stock Chromium on this machine's loopback, and the stock Firefox in a network
 * namespace of its own. Firefox never pairs with a node over loopback and gathers nothing without a default
 * route; the namespace gives it an address and a route that lead nowhere but here.
 *
 * Order matters: make the network before the nodes start, so that they advertise the address that it adds to
 * this machine. Close browsers, then the network.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

const run = promisify(execFile);

export interface ChromiumOptions {
  /** A WAV file that the fake microphone plays in a loop instead of its beeps. */
  readonly audioFile?: string;
  /** A Y4M or MJPEG file that the fake camera plays in a loop instead of its test picture. */
  readonly videoFile?: string;
  readonly args?: readonly string[];
  /** Inside a namespace; forward the ports of its pages first. */
  readonly network?: IsolatedNetwork;
}

const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--mute-audio",
  // The pages of several people in one browser must not slow each other down when they are not in front.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];

/** Prefs for a Firefox that asks nobody anything and calls no service of its maker. */
const FIREFOX_PREFS = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-manager.url": "",
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "app.update.enabled": false,
  "app.normandy.enabled": false,
};

/** Path of Chromium: $CHROMIUM, else found on $PATH. Throws when there is none. */
export function chromiumPath(): string {
  return browserPath("CHROMIUM", ["chromium", "chromium-browser", "google-chrome"]);
}

/** Path of Firefox: $FIREFOX, else found on $PATH. Throws when there is none. */
export function firefoxPath(): string {
  return browserPath("FIREFOX", ["firefox-esr", "firefox"]);
}

function browserPath(variable: string, names: readonly string[]): string {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return named;
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const name of names) if (isExecutable(join(directory, name))) return join(directory, name);
  }
  throw new Error(`no ${names[0]} on PATH; name one in $${variable}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there: the next directory may have it.
  }
}

export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const wrapper = options.network && wrapIn(options.network, "chromium.sh", chromiumPath());
  const browser = await puppeteer.launch({
    executablePath: wrapper?.path ?? chromiumPath(),
    headless: true,
    // A namespace has a loopback of its own, so its browser is not controlled over a port.
    pipe: wrapper !== undefined,
    args: [
      ...CHROMIUM_ARGS,
      ...(options.audioFile === undefined ? [] : [`--use-file-for-fake-audio-capture=${options.audioFile}`]),
      ...(options.videoFile === undefined ? [] : [`--use-file-for-fake-video-capture=${options.videoFile}`]),
      ...(options.args ?? []),
    ],
  });
  if (wrapper !== undefined) browser.once("disconnected", wrapper.remove);
  return browser;
}

/** A script that starts a program inside a namespace. */
function wrapIn(network: IsolatedNetwork, name: string, program: string): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "hearsay-browser-"));
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${network.name} ${program} "$@"\n`, { mode: 0o755 });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A page at a URL, with its console errors repeated in the test's output when $BROWSER_LOG is set. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  if (process.env["BROWSER_LOG"] !== undefined) {
    page.on("console", (message) => process.stderr.write(`[page] ${message.text()}\n`));
  }
  await page.goto(url);
  return page;
}

/** A network namespace with one wire to this machine. */
export interface IsolatedNetwork {
  readonly name: string;
  /** Inside the namespace. */
  readonly address: string;
  /** The end of the wire on this machine; a node that binds all interfaces can be reached there. */
  readonly hostAddress: string;
  /** From now on 127.0.0.1 with the port of this URL leads, inside, to the same here. */
  forward(url: string): Promise<void>;
  /** From now on no UDP gets from inside to any address that this machine has now. */
  blockUdp(): Promise<void>;
  /** A second address appears inside, as when a telephone finds a mobile network beside its Wi-Fi. */
  addAddress(): Promise<void>;
  /** The first address is gone. */
  dropAddress(): Promise<void>;
  close(): Promise<void>;
}

let networks = 0;

/** Needs root and iproute2. Nothing outside this machine can be reached from inside. */
export async function createNetwork(): Promise<IsolatedNetwork> {
  networks += 1;
  const tag = `${process.pid % 100_000}${String.fromCharCode(96 + networks)}`;
  const name = `hearsay-${tag}`;
  const [outer, inner] = [`hs${tag}o`, `hs${tag}i`];
  // 10.99.0.0/16 in pieces of four addresses: 2 bits for the ends, the rest from the process id.
  const block = ((process.pid * 8 + networks) % 16_000) * 4;
  const at = (offset: number): string => `10.99.${(block + offset) >> 8}.${(block + offset) & 255}`;
  const [hostAddress, address] = [at(1), at(2)];
  // A second network on the same wire: this end has its address from the beginning, so that nodes advertise it.
  const [gateway, second] = [at(1), at(2)].map((first) => first.replace("10.99.", "10.98."));
  const forwards = new Map<string, () => void>();
  const forward = async (url: string): Promise<void> => {
    const { port } = new URL(url);
    if (!forwards.has(port)) forwards.set(port, await forwardLoopback(name, hostAddress, Number(port)));
  };
  const close = async (): Promise<void> => {
    for (const stop of forwards.values()) stop();
    await run("ip", ["link", "del", outer]).catch(() => undefined);
    await run("ip", ["netns", "del", name]).catch(() => undefined);
  };
  try {
    await run("ip", ["netns", "add", name]);
    await run("ip", ["link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name]);
    await run("ip", ["addr", "add", `${hostAddress}/30`, "dev", outer]);
    await run("ip", ["addr", "add", `${gateway}/30`, "dev", outer]);
    await run("ip", ["link", "set", outer, "up"]);
    await run("ip", ["-n", name, "addr", "add", `${address}/30`, "dev", inner]);
    await run("ip", ["-n", name, "link", "set", inner, "up"]);
    await run("ip", ["-n", name, "link", "set", "lo", "up"]);
    await run("ip", ["-n", name, "route", "add", "default", "via", hostAddress]);
  } catch (error) {
    await close();
    throw new Error("no network namespace could be made: that needs root and iproute2", { cause: error });
  }
  const blockUdp = async (): Promise<void> => {
    // Not to everywhere: a browser asks for its own address by the way to a far one.
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address: to } of addresses.filter(({ family }) => family === "IPv4")) {
      await run("ip", ["-n", name, "rule", "add", "to", to, "ipproto", "udp", "blackhole"]);
    }
  };
  const addAddress = async (): Promise<void> => {
    await run("ip", ["-n", name, "addr", "add", `${second}/30`, "dev", inner]);
  };
  const dropAddress = async (): Promise<void> => {
    await run("ip", ["-n", name, "addr", "del", `${address}/30`, "dev", inner]);
    await run("ip", ["-n", name, "route", "replace", "default", "via", `${gateway}`]);
  };
  return { name, address, hostAddress, forward, blockUdp, addAddress, dropAddress, close };
}

/**
 * Firefox inside a namespace. Forward the ports of the pages it will open first (`network.forward`), so that they keep
 * their http://127.0.0.1 address and with it the right to a camera; media goes over the wire. (A proxy would not do:
 * behind one Firefox gathers only the address from which it sees the page.)
 */
export async function launchFirefox(network: IsolatedNetwork): Promise<Browser> {
  const control = await startControl(network);
  const wrapper = wrapIn(network, "firefox.sh", firefoxPath());
  const cleanUp = (): void => {
    control.close();
    wrapper.remove();
  };
  try {
    const browser = await puppeteer.launch({
      browser: "firefox",
      protocol: "webDriverBiDi",
      executablePath: wrapper.path,
      headless: true,
      args: [`--remote-debugging-port=${control.port}`],
      extraPrefsFirefox: FIREFOX_PREFS,
    });
    browser.once("disconnected", cleanUp);
    return browser;
  } catch (error) {
    cleanUp();
    throw error;
  }
}

interface Listening {
  readonly port: number;
  close(): void;
}

async function listen(server: Server, host: string, sockets: Set<Socket>, port = 0): Promise<Listening> {
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return {
    port: address.port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function pipeBoth(a: Socket, b: Socket): void {
  a.pipe(b);
  b.pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
}

/** Runs inside the namespace: carries connections from one address and port to another. */
const FORWARDER = `
const net = require("node:net");
const [host, port, targetHost, targetPort] = process.argv.slice(1);
net.createServer((a) => {
  const b = net.connect(Number(targetPort), targetHost);
  a.pipe(b); b.pipe(a);
  a.on("error", () => b.destroy()); b.on("error", () => a.destroy());
}).listen(Number(port), host, () => console.log("up"));
`;

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

async function forwardInside(namespace: string, from: Endpoint, to: Endpoint): Promise<ChildProcess> {
  const ends = [from.host, `${from.port}`, to.host, `${to.port}`];
  const args = ["netns", "exec", namespace, process.execPath, "-e", FORWARDER, ...ends];
  const forwarder = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    forwarder.stdout.once("data", () => resolve());
    forwarder.once("exit", () => reject(new Error(`nothing can listen on ${from.host}:${from.port} in the namespace`)));
  });
  return forwarder;
}

/** Carries connections on this machine from one address to another. */
async function forwardHere(host: string, target: (port: number) => Endpoint): Promise<Listening> {
  const server = createServer((socket) => {
    const { host: targetHost, port } = target(listening.port);
    const upstream = connect(port, targetHost, () => pipeBoth(socket, upstream));
    upstream.on("error", () => socket.destroy());
  });
  const listening = await listen(server, host, new Set());
  return listening;
}

/** Inside, 127.0.0.1 with this port leads to the same here. */
async function forwardLoopback(name: string, hostAddress: string, port: number): Promise<() => void> {
  const here = await forwardHere(hostAddress, () => ({ host: "127.0.0.1", port }));
  const there = await forwardInside(name, { host: "127.0.0.1", port }, { host: hostAddress, port: here.port });
  return () => {
    there.kill();
    here.close();
  };
}

/** A port of this machine's loopback that leads to the same port of the namespace's loopback. */
async function startControl(network: IsolatedNetwork): Promise<Listening> {
  const here = await forwardHere("127.0.0.1", (port) => ({ host: network.address, port }));
  const { port } = here;
  const there = await forwardInside(network.name, { host: network.address, port }, { host: "127.0.0.1", port });
  return {
    port,
    close: () => {
      there.kill();
      here.close();
    },
  };
}

/** Waits until a condition holds, asking every 100 ms; fails with `what` and the last answer. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  limitMs = 20_000,
): Promise<T> {
  const limit = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() > limit)
      throw new Error(`not within ${limitMs} ms: ${what}; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
