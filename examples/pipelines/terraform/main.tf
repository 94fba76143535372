# The kubernetes and helm providers sign in through kubeauth, by a federated token:
# a pod's or a CI job's. What the azurerm provider reads for it counts here as well
# (ARM_CLIENT_ID, ARM_TENANT_ID, ARM_OIDC_…). For another way to sign in, leave out
# --login: ARM_USE_OIDC, ARM_USE_MSI or ARM_USE_CLI then choose.
terraform {
  required_version = ">= 1.5"
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.38"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

variable "cluster_server" {
  type        = string
  description = "The API server's address"
}

variable "cluster_ca" {
  type        = string
  description = "The certificates of its authority (PEM)"
}

variable "kubeauth_flags" {
  type        = list(string)
  description = "More flags of kubeauth get-token, for example another cloud's"
  default     = []
}

locals {
  kubeauth = concat([
    "get-token",
    "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630",
    "--login", "workloadidentity",
    "--use-azurerm-env-vars",
  ], var.kubeauth_flags)
}

provider "kubernetes" {
  host                   = var.cluster_server
  cluster_ca_certificate = var.cluster_ca
  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "kubeauth"
    args        = local.kubeauth
  }
}

provider "helm" {
  kubernetes = {
    host                   = var.cluster_server
    cluster_ca_certificate = var.cluster_ca
    exec = {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "kubeauth"
      args        = local.kubeauth
    }
  }
}
