import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;

/** Lists the nodes with fabric8; prints their names. */
public class Fabric8 {
    public static void main(String[] arguments) {
        try (KubernetesClient client = new KubernetesClientBuilder().build()) {
            client.nodes().list().getItems()
                .forEach(node -> System.out.println(node.getMetadata().getName()));
        }
    }
}
