"""Where CRM's services on net.tcp are, behind the name and port of their computer."""

SDK_LISTENER = "/crmsdklistener"
SANDBOX_CALLBACK = "/CrmSandboxSdkListener-w3wp"  # as the event log of a front end names it
SANDBOX_HOST = "/CrmSandboxHost"
