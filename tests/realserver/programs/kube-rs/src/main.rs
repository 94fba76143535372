// List the nodes with kube-rs; print their names.
use k8s_openapi::api::core::v1::Node;
use kube::{api::ListParams, Api, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::try_default().await?;
    let nodes: Api<Node> = Api::all(client);
    for node in nodes.list(&ListParams::default()).await? {
        println!("{}", node.metadata.name.unwrap_or_default());
    }
    Ok(())
}
