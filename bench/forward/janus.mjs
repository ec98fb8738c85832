// A private Janus (Debian package "janus") with a configuration of its own in a temporary folder.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where Debian puts Janus' plug-ins: a folder named after the machine's architecture. */
function janusFolder() {
  for (const name of readdirSync("/usr/lib"))
    if (existsSync(`/usr/lib/${name}/janus/plugins`)) return `/usr/lib/${name}/janus`;
  throw new Error("no Janus plug-ins below /usr/lib: install the Debian package janus");
}

/** Writes the configuration; eventLoops 0 is Janus as shipped (one thread per peer connection). */
export function writeJanusConfig(folder, { iface, eventLoops }) {
  const conf = join(folder, `conf-${eventLoops}`);
  mkdirSync(conf, { recursive: true });
  const library = janusFolder();
  const others = [
    "audiobridge",
    "duktape",
    "echotest",
    "lua",
    "nosip",
    "recordplay",
    "sip",
    "streaming",
    "textroom",
    "videocall",
    "voicemail",
  ];
  const transports = ["http", "mqtt", "nanomsg", "pfunix", "rabbitmq"];
  const disable = (list) => list.map((name) => `libjanus_${name}.so`).join(",");
  writeFileSync(
    join(conf, "janus.jcfg"),
    `general: {
  configs_folder = "${conf}"
  plugins_folder = "${library}/plugins"
  transports_folder = "${library}/transports"
  debug_level = 3
  debug_colors = false
  interface = "lo"
  ${eventLoops > 0 ? `event_loops = ${eventLoops}` : ""}
}
media: { ipv6 = false }
nat: { nice_debug = false
  ice_enforce_list = "${iface}"
  ice_lite = true }
plugins: { disable = "${disable(others)}" }
transports: { disable = "${disable(transports)}" }
`,
  );
  writeFileSync(join(conf, "janus.plugin.videoroom.jcfg"), "general: {\n}\n");
  writeFileSync(
    join(conf, "janus.transport.websockets.jcfg"),
    'general: {\n  json = "compact"\n  ws = true\n  ws_port = 8188\n  ws_interface = "lo"\n  wss = false\n}\nadmin: {\n  admin_ws = false\n}\n',
  );
  return ["-F", conf, "-C", join(conf, "janus.jcfg")];
}
