function Set-RegistryPort([string]$Key, [string]$Name, [int]$Value, [string]$Effect) {
    $path = "HKLM:\$Key"
    if (-not (Test-Path -LiteralPath $path)) {
        throw "There is no key ${path}: is the software installed on this computer?"
    }
    $item = Get-ItemProperty -LiteralPath $path
    $old = if ($item.PSObject.Properties.Match($Name).Count) { $item.$Name } else { '' }
    $what = "value '$Name' of $path"
    if (Test-Wanted $what $old $Value) {
        New-ItemProperty -LiteralPath $path -Name $Name -Value $Value -PropertyType DWord -Force | Out-Null
        Write-Change $what $old $Value $Effect
    }
}
