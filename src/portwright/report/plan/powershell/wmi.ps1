function Set-WmiStandalone([string]$Effect) {
    # A service of its own process has type 16, one that shares a process has type 32.
    $old = (Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Services\Winmgmt').Type
    $what = 'type of the service Winmgmt (16: a process of its own, on TCP 24158)'
    if (Test-Wanted $what $old 16) {
        & winmgmt.exe /standalonehost | Out-Host
        if ($LASTEXITCODE -ne 0) { throw "winmgmt /standalonehost failed with status $LASTEXITCODE." }
        Write-Change $what $old 16 $Effect
    }
}
