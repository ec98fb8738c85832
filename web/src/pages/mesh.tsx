/** The mesh, live: nodes, how far they are from each other, and what travels between them. */
import { useEffect, useMemo } from "preact/hooks";
import type { MeshNode, MeshResponse, MeshTrunk } from "../../../client-sdk/src/index.ts";
import { Icon } from "../parts/icons.tsx";
import { MeshMap } from "../parts/mesh-map.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { locale, t } from "../state/i18n.ts";
import { MeshView } from "../state/mesh.ts";
import { timeOf } from "../state/text.ts";
import { lossRatioOf, type TrunkRate, trunkKey } from "../state/trunks.ts";

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const count = (value: number): string => new Intl.NumberFormat(locale.value, { notation: "compact" }).format(value);
const bitrate = (bps: number): string =>
  bps >= 1_000_000 ? `${(bps / 1_000_000).toFixed(1)} Mbit/s` : `${(bps / 1_000).toFixed(0)} kbit/s`;

function NodeCard({ node, isSelf }: { readonly node: MeshNode; readonly isSelf: boolean }) {
  const status = node.draining ? "draining" : node.status;
  return (
    <li class={`node-card ${status}`} data-testid="mesh-node" data-node={node.name}>
      <p class="node-name">
        <span class="dot" aria-hidden="true" />
        <strong>{node.name}</strong>
        {isSelf && <span class="pill">{t("mesh.self")}</span>}
      </p>
      <p class="node-status">
        {node.draining ? t("mesh.draining") : t(`mesh.status.${node.status}`)}
        {node.region !== "" && ` · ${node.region}`}
        {node.version !== undefined && ` · ${node.version}`}
      </p>
      {node.rooms !== undefined && node.people !== undefined && (
        <p class="node-load">
          {t("mesh.rooms", { count: node.rooms })} · {t("mesh.people", { count: node.people })}
        </p>
      )}
      <a href={node.url}>{node.url.replace(/^https?:\/\//, "")}</a>
    </li>
  );
}

/** Green to red between near and far, told by number too. */
const heat = (rttMs: number): string => String(Math.round(Math.min(1, Math.log10(1 + rttMs) / 2.5) * 100));

function RttTable({ mesh }: { readonly mesh: MeshResponse }) {
  const names = mesh.nodes.map((node) => node.name);
  const rtts = new Map(mesh.rtts.map((rtt) => [`${rtt.from}\n${rtt.to}`, rtt]));
  return (
    <div class="table-scroller">
      <table class="matrix" data-testid="mesh-rtt">
        <thead>
          <tr>
            <th scope="col">{t("mesh.from")}</th>
            {names.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {names.map((to) => {
                const rtt = rtts.get(`${from}\n${to}`);
                if (rtt === undefined) return <td key={to}>{from === to ? "·" : "–"}</td>;
                return (
                  <td key={to} class="heat" style={{ "--heat": heat(rtt.rttMs) }}>
                    {rtt.measured ? ms(rtt.rttMs) : <em>{ms(rtt.rttMs)}</em>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TrunkRow({ trunk, rate }: { readonly trunk: MeshTrunk; readonly rate: TrunkRate | undefined }) {
  const loss = lossRatioOf(trunk);
  return (
    <tr data-testid="mesh-trunk">
      <th scope="row">
        {trunkKey(trunk)} <span class={`pill ${trunk.state}`}>{t(`mesh.state.${trunk.state}`)}</span>
      </th>
      <td data-label={t("mesh.streams")}>
        {trunk.egressStreams} {t("mesh.out")} · {trunk.ingressStreams} {t("mesh.in")}
      </td>
      <td data-label={t("mesh.rate")}>
        {rate === undefined ? "–" : `${bitrate(rate.outBps)} ${t("mesh.out")} · ${bitrate(rate.inBps)} ${t("mesh.in")}`}
      </td>
      <td data-label={t("mesh.packets")}>{count(trunk.packetsSent + trunk.packetsReceived)}</td>
      <td data-label={t("mesh.loss")} class={loss > 0.01 ? "warn" : ""}>
        {(loss * 100).toFixed(2)} %
      </td>
      <td data-label={t("mesh.repaired")}>{count(trunk.packetsRepaired)}</td>
      <td data-label={t("mesh.rttShort")}>{trunk.rttMs === undefined ? "–" : `${ms(trunk.rttMs)} ms`}</td>
    </tr>
  );
}

function Trunks({ mesh, view }: { readonly mesh: MeshResponse; readonly view: MeshView }) {
  if (mesh.trunks.length === 0) return <p class="empty">{t("mesh.trunksEmpty")}</p>;
  return (
    <div class="table-scroller">
      <table class="trunks" data-testid="mesh-trunks">
        <thead>
          <tr>
            {(["trunk", "streams", "rate", "packets", "loss", "repaired", "rttShort"] as const).map((column) => (
              <th scope="col" key={column}>
                {t(`mesh.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {mesh.trunks.map((trunk) => (
            <TrunkRow trunk={trunk} rate={view.rates.value.get(trunkKey(trunk))} key={trunkKey(trunk)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Loaded({ mesh, view }: { readonly mesh: MeshResponse; readonly view: MeshView }) {
  return (
    <>
      <section class="card" aria-labelledby="nodes-title">
        <h2 id="nodes-title">{t("mesh.nodes")}</h2>
        <div class="nodes-and-map">
          <ul class="node-cards">
            {mesh.nodes.map((node) => (
              <NodeCard node={node} isSelf={node.name === mesh.self} key={node.name} />
            ))}
          </ul>
          {mesh.nodes.length > 1 && <MeshMap mesh={mesh} />}
        </div>
      </section>
      <section class="card" aria-labelledby="rtt-title">
        <h2 id="rtt-title">{t("mesh.rtt")}</h2>
        <RttTable mesh={mesh} />
        <p class="hint">{t("mesh.rttHint")}</p>
      </section>
      <section class="card" aria-labelledby="trunks-title">
        <h2 id="trunks-title">{t("mesh.trunks")}</h2>
        <Trunks mesh={mesh} view={view} />
      </section>
    </>
  );
}

function Unreadable({ code }: { readonly code: string }) {
  const isForbidden = code === "operator_only" || code === "unauthenticated";
  return (
    <div class="notice" data-testid="mesh-failed">
      <Icon name={isForbidden ? "door" : "alert"} class="notice-icon" />
      <p>{isForbidden ? t("mesh.operator") : t("mesh.failed")}</p>
    </div>
  );
}

export function MeshPage() {
  const view = useMemo(() => new MeshView(), []);
  useEffect(() => {
    document.title = `${t("mesh.title")} · Hearsay`;
    view.start();
    return () => view.stop();
  }, [view]);
  const mesh = view.mesh.value;
  const error = view.error.value;
  return (
    <>
      <TopBar here="mesh" />
      <main class="mesh" data-testid="mesh">
        <header>
          <h1>{t("mesh.title")}</h1>
          {mesh !== undefined && <p>{t("mesh.text", { self: mesh.self })}</p>}
          {mesh !== undefined && error !== undefined && (
            <p class="banner bad" role="status">
              {t("mesh.stale", { time: timeOf(view.readAtMs.value, locale.value) })}
            </p>
          )}
        </header>
        {mesh !== undefined && <Loaded mesh={mesh} view={view} />}
        {mesh === undefined && error !== undefined && <Unreadable code={error} />}
        {mesh === undefined && error === undefined && <div class="skeleton tall" />}
      </main>
    </>
  );
}
