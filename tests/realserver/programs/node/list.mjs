// List the nodes with @kubernetes/client-node; print their names.
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const nodes = await config.makeApiClient(CoreV1Api).listNode();
for (const node of nodes.items) console.log(node.metadata.name);
