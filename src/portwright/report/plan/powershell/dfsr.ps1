function Set-DfsrPort([int]$Value, [string]$Effect) {
    $old = (Get-CimInstance -Namespace 'root/MicrosoftDfs' -ClassName 'DfsrMachineConfig').RpcPortAssignment
    $what = 'RPC port of DFS Replication'
    if (Test-Wanted $what $old $Value) {
        & dfsrdiag.exe StaticRPC "/port:$Value" "/Member:$env:COMPUTERNAME" | Out-Host
        if ($LASTEXITCODE -ne 0) { throw "dfsrdiag StaticRPC failed with status $LASTEXITCODE." }
        Write-Change $what $old $Value $Effect
    }
}
