#Requires -Version 5.1
#Requires -RunAsAdministrator
# Writes what Portwright has to know of a Windows host into one JSON file: the firewall's rules as they are in force,
# profiles, interfaces, who listens where, and the ports that the installed software really has.
#
#   powershell.exe -ExecutionPolicy Bypass -File collect.ps1 [-Path FILE]
#
# It changes nothing, and reads no passwords, keys or documents. A part that cannot be read is left out with a note.
[CmdletBinding()]
param([string]$Path = "$env:COMPUTERNAME.json")

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$notes = New-Object System.Collections.ArrayList

function Add-Note([string]$Part, $Problem) {
    $message = if ($null -ne $Problem.Exception) { $Problem.Exception.Message } else { "$Problem" }
    [void]$notes.Add([ordered]@{ Part = $Part; Message = $message })
}

function Get-Part([string]$Name, [scriptblock]$Read) {
    # What a part gives, as a list; nothing where it cannot be read.
    try { return @{ Items = @(& $Read) } } catch { Add-Note $Name $_; return $null }
}

function Get-Single([string]$Name, [scriptblock]$Read) {
    try { return (& $Read) } catch { Add-Note $Name $_; return $null }
}

function ConvertTo-Line($Value) {
    # An entry a line; one in two halves begins with what people look for.
    if ($Value -isnot [array] -or $Value.Count -ne 2 -or $Value[0] -isnot [System.Collections.IDictionary]) {
        return (ConvertTo-Json -InputObject $Value -Depth 5 -Compress)
    }
    $first, $second = @($Value | ForEach-Object { ConvertTo-Json -InputObject $_ -Depth 5 -Compress })
    return $first.Substring(0, $first.Length - 1) + ",`r`n      " + $second.Substring(1)
}

function ConvertTo-List($Part) {
    if ($null -eq $Part) { return 'null' }
    $lines = @($Part.Items | ForEach-Object { '    ' + (ConvertTo-Line $_) })
    if ($lines.Count -eq 0) { return '[]' }
    return "[`r`n" + ($lines -join ",`r`n") + "`r`n  ]"
}

function Get-Text($Object, [string]$Name) {
    # A member as text or list of texts, enumerations by name; nothing where the object or the member is not there.
    if ($null -eq $Object) { return $null }
    $member = $Object.PSObject.Properties[$Name]
    if ($null -eq $member) { return $null }
    $value = $member.Value
    if ($null -eq $value) { return '' }
    if ($value -is [array]) { return , @($value | ForEach-Object { "$_" }) }
    return "$value"
}

function Get-RegistryValue([string]$Key, [string]$Name) {
    # A value under HKEY_LOCAL_MACHINE; nothing where there is none.
    $path = "Registry::HKEY_LOCAL_MACHINE\$Key"
    if (-not (Test-Path -LiteralPath $path)) { return $null }
    return (Get-Item -LiteralPath $path).GetValue($Name)
}

# ---------------------------------------------------------------- the firewall

$ofRule = 'Name', 'DisplayName', 'DisplayGroup', 'Enabled', 'Profile', 'Direction', 'Action', 'EdgeTraversalPolicy',
    'PrimaryStatus', 'EnforcementStatus', 'PolicyStoreSource', 'PolicyStoreSourceType', 'Owner', 'Platform',
    'RemoteDynamicKeywordAddresses'
$ofFilters = [ordered]@{
    Port          = 'Protocol', 'LocalPort', 'RemotePort', 'IcmpType', 'DynamicTarget'
    Address       = 'LocalAddress', 'RemoteAddress'
    Application   = 'Program', 'Package'
    Service       = @('Service')
    Interface     = @('InterfaceAlias')
    InterfaceType = @('InterfaceType')
    Security      = 'Authentication', 'Encryption', 'OverrideBlockRules', 'LocalUser', 'RemoteUser', 'RemoteMachine'
}

function Get-Filters([string]$Kind) {
    # All filters of a kind by the rule that they belong to; nothing for rules that share an id.
    $found = @{}
    foreach ($filter in @(& "Get-NetFirewall${Kind}Filter" -PolicyStore ActiveStore)) {
        $id = $filter.InstanceID
        $found[$id] = if ($found.ContainsKey($id)) { $null } else { $filter }
    }
    return $found
}

$atFirst = 'DisplayName', 'Action', 'Direction', 'Protocol', 'LocalPort', 'RemoteAddress', 'Program', 'Service', 'Enabled',
    'Profile'
$filters = @{}
foreach ($kind in $ofFilters.Keys) { $filters[$kind] = Get-Single "filters: $kind" { Get-Filters $kind } }

$rules = Get-Part 'rules' {
    foreach ($rule in @(Get-NetFirewallRule -PolicyStore ActiveStore)) {
        $all = @{}
        foreach ($name in $ofRule) { $all[$name] = Get-Text $rule $name }
        foreach ($kind in $ofFilters.Keys) {
            $filter = if ($null -eq $filters[$kind]) { $null } else { $filters[$kind][$rule.InstanceID] }
            foreach ($name in $ofFilters[$kind]) { $all[$name] = Get-Text $filter $name }
        }
        $first = [ordered]@{}
        foreach ($name in $atFirst) { $first[$name] = $all[$name] }
        $second = [ordered]@{}
        foreach ($name in @($all.Keys | Where-Object { $_ -notin $atFirst } | Sort-Object)) { $second[$name] = $all[$name] }
        , @($first, $second)
    }
}

$ofProfile = 'Name', 'Enabled', 'DefaultInboundAction', 'DefaultOutboundAction', 'AllowInboundRules',
    'AllowLocalFirewallRules', 'AllowLocalIPsecRules', 'AllowUnicastResponseToMulticast', 'DisabledInterfaceAliases'
$profiles = Get-Part 'profiles' {
    foreach ($one in @(Get-NetFirewallProfile -PolicyStore ActiveStore)) {
        $line = [ordered]@{}
        foreach ($name in $ofProfile) { $line[$name] = Get-Text $one $name }
        $line
    }
}

$ipsec = Get-Part 'connection security rules' {
    $addresses = @{}
    $all = @(Get-NetIPsecRule -PolicyStore ActiveStore -ErrorAction SilentlyContinue)
    foreach ($rule in $all) {
        $filter = $rule | Get-NetFirewallAddressFilter
        [ordered]@{
            DisplayName = "$($rule.DisplayName)"; Enabled = "$($rule.Enabled)"
            InboundSecurity = "$($rule.InboundSecurity)"; OutboundSecurity = "$($rule.OutboundSecurity)"
            RemoteAddress = Get-Text $filter 'RemoteAddress'
        }
    }
}

# ---------------------------------------------------------------- the host and its interfaces

$computer = Get-Single 'computer' {
    $system = Get-CimInstance -ClassName Win32_OperatingSystem
    [ordered]@{
        Name = $env:COMPUTERNAME; Version = $system.Version; Caption = $system.Caption
        Domain = (Get-CimInstance -ClassName Win32_ComputerSystem).Domain
        FirewallService = "$((Get-Service -Name MpsSvc).Status)"
    }
}

$environment = [ordered]@{}
foreach ($name in 'SystemDrive', 'SystemRoot', 'WinDir', 'ProgramFiles', 'ProgramFiles(x86)', 'CommonProgramFiles',
    'CommonProgramFiles(x86)', 'ProgramData', 'AllUsersProfile', 'Public') {
    $environment[$name] = [Environment]::GetEnvironmentVariable($name)
}

$kinds = @{ 6 = 'Wired'; 71 = 'Wireless'; 23 = 'RemoteAccess' }  # IANA ifType
$interfaces = Get-Part 'interfaces' {
    $addresses = @(Get-NetIPAddress | Where-Object { "$($_.AddressState)" -notin 'Invalid', 'Duplicate' })
    $adapters = @{}
    foreach ($one in @(Get-NetAdapter -IncludeHidden)) { $adapters[[int]$one.InterfaceIndex] = $one }
    $categories = @{}
    foreach ($one in @(Get-NetConnectionProfile)) { $categories[[int]$one.InterfaceIndex] = "$($one.NetworkCategory)" }
    $servers = @(Get-DnsClientServerAddress)
    $defaults = @(Get-NetRoute -ErrorAction SilentlyContinue | Where-Object { $_.DestinationPrefix -in '0.0.0.0/0', '::/0' })
    $leases = @{}
    foreach ($one in @(Get-CimInstance -ClassName Win32_NetworkAdapterConfiguration)) { $leases[[int]$one.InterfaceIndex] = $one }
    foreach ($group in @($addresses | Group-Object -Property InterfaceIndex)) {
        $index = [int]$group.Name
        $alias = $group.Group[0].InterfaceAlias
        $own = @($group.Group | ForEach-Object { "$($_.IPAddress)/$($_.PrefixLength)" })
        if ($own[0] -like '127.*' -or $own[0] -like '::1/*') { continue }
        $adapter = $adapters[$index]
        $lease = $leases[$index]
        [ordered]@{
            InterfaceAlias = $alias; InterfaceIndex = $index
            Type = if ($null -ne $adapter) { "$($kinds[[int]$adapter.InterfaceType])" } else { '' }
            Category = "$($categories[$index])"
            Addresses = $own
            Gateways = @($defaults | Where-Object { $_.InterfaceIndex -eq $index } | ForEach-Object { "$($_.NextHop)" })
            DnsServers = @($servers | Where-Object { $_.InterfaceIndex -eq $index } | ForEach-Object { $_.ServerAddresses })
            DhcpServers = @(if ($null -ne $lease -and $lease.DHCPServer) { $lease.DHCPServer })
            WinsServers = @(if ($null -ne $lease) { $lease.WINSPrimaryServer, $lease.WINSSecondaryServer | Where-Object { $_ } })
        }
    }
}

$tunnels = [ordered]@{
    Teredo = Get-Single 'Teredo' { "$((Get-NetTeredoState).State)" -notmatch 'offline|disabled' }
    IPHttps = Get-Single 'IP-HTTPS' { @(Get-NetIPInterface | Where-Object { $_.InterfaceAlias -like '*iphttps*' }).Count -gt 0 }
}

# ---------------------------------------------------------------- who listens

$listeners = Get-Part 'listeners' {
    $programs = @{}
    foreach ($one in @(Get-CimInstance -ClassName Win32_Process)) { $programs[[int]$one.ProcessId] = "$($one.ExecutablePath)" }
    $programs[4] = 'System'
    $inProcess = @{}
    foreach ($one in @(Get-CimInstance -ClassName Win32_Service | Where-Object { $_.ProcessId })) {
        $id = [int]$one.ProcessId
        if (-not $inProcess.ContainsKey($id)) { $inProcess[$id] = @() }
        $inProcess[$id] += $one.Name
    }
    $ends = @{ TCP = @(Get-NetTCPConnection -State Listen); UDP = @(Get-NetUDPEndpoint) }
    foreach ($protocol in 'TCP', 'UDP') {
        foreach ($one in @($ends[$protocol] | Sort-Object -Property LocalPort)) {
            $id = [int]$one.OwningProcess
            [ordered]@{
                Protocol = $protocol; LocalAddress = $one.LocalAddress; LocalPort = [int]$one.LocalPort
                Program = $programs[$id]; Services = @($inProcess[$id] | Where-Object { $_ })
            }
        }
    }
}

$services = Get-Part 'services' {
    $names = @()
    if ($null -ne $listeners) { $names = @($listeners.Items | ForEach-Object { $_.Services } | Sort-Object -Unique) }
    foreach ($name in $names) {
        [ordered]@{ Name = $name; ServiceSidType = Get-RegistryValue "SYSTEM\CurrentControlSet\Services\$name" 'ServiceSidType' }
    }
}

# ---------------------------------------------------------------- the real ports

$inServices = 'SYSTEM\CurrentControlSet\Services'
$ports = [ordered]@{}

$ports['iis'] = Get-Single 'IIS' {
    $file = "$env:SystemRoot\System32\inetsrv\config\applicationHost.config"
    $bindings = @()
    if (Test-Path -LiteralPath $file) {
        $document = New-Object System.Xml.XmlDocument
        $document.Load($file)
        foreach ($site in @($document.SelectNodes('//system.applicationHost/sites/site'))) {
            foreach ($binding in @($site.SelectNodes('bindings/binding'))) {
                $bindings += [ordered]@{
                    Site = $site.GetAttribute('name'); Protocol = $binding.GetAttribute('protocol')
                    Binding = $binding.GetAttribute('bindingInformation')
                }
            }
        }
    }
    return , $bindings
}

$ports['crm'] = Get-Single 'Dynamics CRM' {
    $key = 'SOFTWARE\Microsoft\MSCRM'
    if (-not (Test-Path -LiteralPath "Registry::HKEY_LOCAL_MACHINE\$key")) { return $null }
    [ordered]@{ TcpPort = Get-RegistryValue $key 'TcpPort'; LocalSdkPort = Get-RegistryValue $key 'LocalSdkPort' }
}

$ports['sql'] = Get-Single 'SQL Server' {
    $root = 'SOFTWARE\Microsoft\Microsoft SQL Server'
    $names = "Registry::HKEY_LOCAL_MACHINE\$root\Instance Names\SQL"
    $instances = @()
    if (Test-Path -LiteralPath $names) {
        $key = Get-Item -LiteralPath $names
        foreach ($instance in $key.GetValueNames()) {
            $network = "$root\$($key.GetValue($instance))\MSSQLServer\SuperSocketNetLib\Tcp"
            $service = if ($instance -eq 'MSSQLSERVER') { 'MSSQLSERVER' } else { "MSSQL`$$instance" }
            $state = Get-Service -Name $service -ErrorAction SilentlyContinue
            $instances += [ordered]@{
                Instance = $instance; Service = $service; State = if ($null -ne $state) { "$($state.Status)" } else { '' }
                TcpEnabled = Get-RegistryValue $network 'Enabled'
                ListenOnAllIPs = Get-RegistryValue $network 'ListenOnAllIPs'
                TcpPort = Get-RegistryValue "$network\IPAll" 'TcpPort'
                TcpDynamicPorts = Get-RegistryValue "$network\IPAll" 'TcpDynamicPorts'
            }
        }
    }
    return , $instances
}

$ports['sql_browser'] = Get-Single 'SQL Server Browser' {
    $browser = Get-Service -Name SQLBrowser -ErrorAction SilentlyContinue
    if ($null -ne $browser) { "$($browser.Status)" }
}

$ports['urls'] = Get-Single 'URL reservations' {
    # netsh speaks the language of Windows; a URL looks the same in all of them.
    $shown = & netsh.exe http show urlacl
    if ($LASTEXITCODE -ne 0) { throw "netsh http show urlacl failed with status $LASTEXITCODE." }
    return , @($shown | Select-String -Pattern 'https?://\S+' | ForEach-Object { $_.Matches[0].Value })
}

$ports['rdp'] = Get-Single 'Remote Desktop' {
    Get-RegistryValue 'SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp' 'PortNumber'
}

$ports['winrm'] = Get-Single 'WinRM' {
    $found = @()
    if ((Get-Service -Name WinRM).Status -eq 'Running') {
        foreach ($listener in @(Get-ChildItem -Path WSMan:\localhost\Listener)) {
            $of = "WSMan:\localhost\Listener\$($listener.Name)"
            $found += [ordered]@{
                Address = (Get-Item -Path "$of\Address").Value; Transport = (Get-Item -Path "$of\Transport").Value
                Port = [int](Get-Item -Path "$of\Port").Value; Enabled = "$((Get-Item -Path "$of\Enabled").Value)"
            }
        }
    }
    return , $found
}

$ports['dynamic'] = Get-Single 'dynamic ports' {
    $shown = & netsh.exe int ipv4 show dynamicport tcp
    if ($LASTEXITCODE -ne 0) { throw "netsh int ipv4 show dynamicport failed with status $LASTEXITCODE." }
    $numbers = @($shown | Select-String -Pattern '(\d+)\s*$' | ForEach-Object { [int]$_.Matches[0].Groups[1].Value })
    [ordered]@{ StartPort = $numbers[0]; NumberOfPorts = $numbers[1] }
}

$ports['rpc'] = Get-Single 'RPC ports' { Get-RegistryValue 'SOFTWARE\Microsoft\Rpc\Internet' 'Ports' }

function Get-Pin([string]$Service, [string]$Name) {
    # The port that an RPC server has been given; "dynamic" where it has none, nothing where it is not installed.
    if (-not (Test-Path -LiteralPath "Registry::HKEY_LOCAL_MACHINE\$inServices\$Service\Parameters")) { return $null }
    $port = Get-RegistryValue "$inServices\$Service\Parameters" $Name
    if ($port) { return $port }
    return 'dynamic'
}

$ports['ntds'] = Get-Single 'NTDS' { Get-Pin 'NTDS' 'TCP/IP Port' }
$ports['netlogon'] = Get-Single 'Netlogon' { Get-Pin 'Netlogon' 'DCTcpipPort' }
$ports['frs'] = Get-Single 'FRS' { Get-Pin 'NTFRS' 'RPC TCP/IP Port Assignment' }
$ports['dfsr'] = Get-Single 'DFS Replication' {
    if ($null -ne (Get-Service -Name DFSR -ErrorAction SilentlyContinue)) {
        $port = (Get-CimInstance -Namespace 'root/MicrosoftDfs' -ClassName 'DfsrMachineConfig').RpcPortAssignment
        if ($port) { $port } else { 'dynamic' }
    }
}
$ports['wmi_standalone'] = Get-Single 'WMI' { (Get-RegistryValue "$inServices\Winmgmt" 'Type') -eq 16 }

# ---------------------------------------------------------------- the file

$portLines = @($ports.Keys | ForEach-Object { "    $(ConvertTo-Line $_): $(ConvertTo-Line $ports[$_])" })
$text = @(
    '{'
    '  "schema": "portwright.windows-host/1",'
    "  `"collected`": $(ConvertTo-Line ([DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ'))),"
    "  `"computer`": $(ConvertTo-Line $computer),"
    "  `"environment`": $(ConvertTo-Line $environment),"
    "  `"profiles`": $(ConvertTo-List $profiles),"
    "  `"interfaces`": $(ConvertTo-List $interfaces),"
    "  `"rules`": $(ConvertTo-List $rules),"
    "  `"ipsec`": $(ConvertTo-List $ipsec),"
    "  `"tunnels`": $(ConvertTo-Line $tunnels),"
    "  `"listeners`": $(ConvertTo-List $listeners),"
    "  `"services`": $(ConvertTo-List $services),"
    "  `"ports`": {`r`n$($portLines -join ",`r`n")`r`n  },"
    "  `"notes`": $(ConvertTo-List @{ Items = @($notes) })"
    '}'
) -join "`r`n"
$target = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
[IO.File]::WriteAllText($target, $text + "`r`n", (New-Object System.Text.UTF8Encoding($false)))
$count = if ($null -eq $rules) { 0 } else { $rules.Items.Count }
Write-Host "$target written: $count rules; parts that could not be read: $($notes.Count)."
