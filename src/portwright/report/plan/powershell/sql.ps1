function Set-SqlPort([string]$Instance, [int]$Value, [string]$Effect) {
    # The key in the registry bears the id of the instance, so that SQL Server's own management classes look it up.
    if ($null -eq [Reflection.Assembly]::LoadWithPartialName('Microsoft.SqlServer.SqlWmiManagement')) {
        throw 'The management objects of SQL Server (SMO) are not installed on this computer.'
    }
    $computer = New-Object Microsoft.SqlServer.Management.Smo.Wmi.ManagedComputer
    $server = $computer.ServerInstances | Where-Object { $_.Name -eq $Instance }
    if ($null -eq $server) { throw "There is no SQL Server instance '$Instance' on this computer." }
    $tcp = $server.ServerProtocols | Where-Object { $_.Name -eq 'Tcp' }
    $listen = $tcp.ProtocolProperties | Where-Object { $_.Name -eq 'ListenOnAllIPs' }
    if ($null -ne $listen -and -not $listen.Value) {
        throw "Instance '$Instance' has a port for each address: set those in SQL Server Configuration Manager."
    }
    $all = $tcp.IPAddresses | Where-Object { $_.Name -eq 'IPAll' }
    $fixed = $all.IPAddressProperties | Where-Object { $_.Name -eq 'TcpPort' }
    $dynamic = $all.IPAddressProperties | Where-Object { $_.Name -eq 'TcpDynamicPorts' }
    $old = if ("$($dynamic.Value)" -ne '') { "dynamic $($dynamic.Value)" } else { "$($fixed.Value)" }
    if (-not $tcp.IsEnabled) { $old = 'TCP/IP disabled' }
    $what = "TCP port of SQL Server instance '$Instance'"
    if (Test-Wanted $what $old $Value) {
        $fixed.Value = "$Value"
        $dynamic.Value = ''
        $tcp.IsEnabled = $true
        $tcp.Alter()
        Write-Change $what $old $Value $Effect
    }
}
