import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.util.ClientBuilder;
import io.kubernetes.client.util.KubeConfig;
import java.io.FileReader;

/** Lists the nodes with client-java; prints their names. */
public class Official {
    public static void main(String[] arguments) throws Exception {
        String file = System.getenv("KUBECONFIG");
        KubeConfig config = KubeConfig.loadKubeConfig(new FileReader(file));
        CoreV1Api api = new CoreV1Api(ClientBuilder.kubeconfig(config).build());
        api.listNode().execute().getItems()
            .forEach(node -> System.out.println(node.getMetadata().getName()));
        System.exit(0);
    }
}
