function Get-ServerCertificate {
    # A certificate of this computer for servers (1.3.6.1.5.5.7.3.1, RFC 5280 4.2.1.12), the one that is valid longest.
    $found = Get-ChildItem -Path Cert:\LocalMachine\My | Where-Object {
        $_.HasPrivateKey -and $_.NotAfter -gt (Get-Date) -and
        (@($_.EnhancedKeyUsageList | ForEach-Object { $_.ObjectId }) -contains '1.3.6.1.5.5.7.3.1') -and
        (@($_.DnsNameList | ForEach-Object { $_.Unicode }) -match "^$([regex]::Escape($env:COMPUTERNAME))(\.|$)")
    } | Sort-Object -Property NotAfter -Descending | Select-Object -First 1
    if ($null -eq $found) { throw 'No certificate for servers with the name of this computer is in LocalMachine\My.' }
    return $found
}

function Set-WinRmListener([string]$Transport, [int]$Value, [string]$Effect) {
    if ((Get-Service -Name WinRM).Status -ne 'Running') { throw 'The service WinRM does not run: Enable-PSRemoting starts it.' }
    $listener = Get-ChildItem -Path WSMan:\localhost\Listener |
        Where-Object { $_.Keys -contains "Transport=$Transport" -and $_.Keys -contains 'Address=*' }
    $place = if ($null -eq $listener) { $null } else { "WSMan:\localhost\Listener\$($listener.Name)\Port" }
    $old = if ($null -eq $place) { '' } else { (Get-Item -Path $place).Value }
    $what = "port of the $Transport listener of WinRM"
    if (Test-Wanted $what $old $Value) {
        if ($null -ne $place) {
            Set-Item -Path $place -Value $Value -Force
        } elseif ($Transport -eq 'HTTPS') {
            $thumbprint = (Get-ServerCertificate).Thumbprint
            New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address * -Port $Value `
                -CertificateThumbPrint $thumbprint -Force | Out-Null
        } else {
            New-Item -Path WSMan:\localhost\Listener -Transport HTTP -Address * -Port $Value -Force | Out-Null
        }
        Write-Change $what $old $Value $Effect
    }
}
