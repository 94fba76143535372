"""The protobuf messages that kubectl writes to create objects: their fields and numbers.

Source: generated.proto of the API groups (k8s.io/api 0.37). Fields that kubectl's own commands
never set are left out, and so the reader refuses an object that has one.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

__all__ = ["Field", "fields_of"]

# name=number, and what the field holds: text if nothing is said; ``int`` and ``bool`` where zero
# means that it is not set, ``int?`` and ``bool?`` where zero is a value; ``map`` of texts, ``data``
# (a map of bytes); the name of a message; ``-`` for what a server fills in itself. "*" is a list,
# "+" a message whose fields belong to its owner in JSON.
_MESSAGES = {
    "ObjectMeta": "name=1 generateName=2 namespace=3 creationTimestamp=8:- labels=11:map "
    "annotations=12:map finalizers=14:*",
    "LabelSelector": "matchLabels=1:map matchExpressions=2:*LabelSelectorRequirement",
    "LabelSelectorRequirement": "key=1 operator=2 values=3:*",
    "Namespace": "metadata=1:ObjectMeta spec=2:- status=3:-",
    "ServiceAccount": "metadata=1:ObjectMeta",
    "ConfigMap": "metadata=1:ObjectMeta data=2:map binaryData=3:data immutable=4:bool?",
    "Secret": "metadata=1:ObjectMeta data=2:data type=3 stringData=4:map immutable=5:bool?",
    "Pod": "metadata=1:ObjectMeta spec=2:PodSpec status=3:-",
    "PodTemplateSpec": "metadata=1:ObjectMeta spec=2:PodSpec",
    "PodSpec": "containers=2:*Container restartPolicy=3 nodeSelector=7:map serviceAccountName=8 "
    "nodeName=10",
    "Container": "name=1 image=2 command=3:* args=4:* workingDir=5 ports=6:*ContainerPort "
    "env=7:*EnvVar resources=8:ResourceRequirements imagePullPolicy=14 stdin=16:bool tty=18:bool",
    "ContainerPort": "name=1 hostPort=2:int containerPort=3:int protocol=4",
    "EnvVar": "name=1 value=2",
    "ResourceRequirements": "",
    "Service": "metadata=1:ObjectMeta spec=2:ServiceSpec status=3:-",
    "ServiceSpec": "ports=1:*ServicePort selector=2:map clusterIP=3 type=4 sessionAffinity=7 "
    "externalName=10",
    "ServicePort": "name=1 protocol=2 port=3:int targetPort=4:IntOrString nodePort=5:int",
    "IntOrString": "type=1:int intVal=2:int strVal=3",
    "Deployment": "metadata=1:ObjectMeta spec=2:DeploymentSpec status=3:-",
    "DeploymentSpec": "replicas=1:int? selector=2:LabelSelector template=3:PodTemplateSpec "
    "strategy=4:DeploymentStrategy minReadySeconds=5:int paused=7:bool",
    "DeploymentStrategy": "type=1",
    "Job": "metadata=1:ObjectMeta spec=2:JobSpec status=3:-",
    "JobSpec": "parallelism=1:int? completions=2:int? template=6:PodTemplateSpec "
    "backoffLimit=7:int?",
    "CronJob": "metadata=1:ObjectMeta spec=2:CronJobSpec status=3:-",
    "CronJobSpec": "schedule=1 concurrencyPolicy=3 suspend=4:bool? jobTemplate=5:JobTemplateSpec",
    "JobTemplateSpec": "metadata=1:ObjectMeta spec=2:JobSpec",
    "Ingress": "metadata=1:ObjectMeta spec=2:IngressSpec status=3:-",
    "IngressSpec": "defaultBackend=1:IngressBackend tls=2:*IngressTLS rules=3:*IngressRule "
    "ingressClassName=4",
    "IngressTLS": "hosts=1:* secretName=2",
    "IngressRule": "host=1 ingressRuleValue=2:+IngressRuleValue",
    "IngressRuleValue": "http=1:HTTPIngressRuleValue",
    "HTTPIngressRuleValue": "paths=1:*HTTPIngressPath",
    "HTTPIngressPath": "path=1 backend=2:IngressBackend pathType=3",
    "IngressBackend": "service=4:IngressServiceBackend",
    "IngressServiceBackend": "name=1 port=2:ServiceBackendPort",
    "ServiceBackendPort": "name=1 number=2:int",
    "Role": "metadata=1:ObjectMeta rules=2:*PolicyRule",
    "ClusterRole": "metadata=1:ObjectMeta rules=2:*PolicyRule aggregationRule=3:AggregationRule",
    "AggregationRule": "clusterRoleSelectors=1:*LabelSelector",
    "PolicyRule": "verbs=1:* apiGroups=2:* resources=3:* resourceNames=4:* nonResourceURLs=5:*",
    "RoleBinding": "metadata=1:ObjectMeta subjects=2:*Subject roleRef=3:RoleRef",
    "ClusterRoleBinding": "metadata=1:ObjectMeta subjects=2:*Subject roleRef=3:RoleRef",
    "Subject": "kind=1 apiGroup=2 name=3 namespace=4",
    "RoleRef": "apiGroup=1 kind=2 name=3",
    "SelfSubjectReview": "metadata=1:ObjectMeta status=2:-",
    "SelfSubjectAccessReview": "metadata=1:ObjectMeta spec=2:SelfSubjectAccessReviewSpec "
    "status=3:-",
    "SelfSubjectAccessReviewSpec": "resourceAttributes=1:ResourceAttributes "
    "nonResourceAttributes=2:NonResourceAttributes",
    "ResourceAttributes": "namespace=1 verb=2 group=3 version=4 resource=5 subresource=6 name=7",
    "NonResourceAttributes": "path=1 verb=2",
    "SelfSubjectRulesReview": "metadata=1:ObjectMeta spec=2:SelfSubjectRulesReviewSpec status=3:-",
    "SelfSubjectRulesReviewSpec": "namespace=1",
}


class Field(NamedTuple):
    """One field: its JSON name, what it holds, and whether it is a list."""

    name: str
    holds: str
    many: bool


@cache
def fields_of(message: str) -> dict[int, Field] | None:
    """Return the fields of a message by number, or None if it is not known here."""
    known = _MESSAGES.get(message)
    if known is None:
        return None
    fields = {}
    for word in known.split():
        name, _, rest = word.partition("=")
        number, _, holds = rest.partition(":")
        fields[int(number)] = Field(name, holds.lstrip("*") or "text", holds.startswith("*"))
    return fields
