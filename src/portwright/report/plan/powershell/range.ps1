function Set-DynamicRange([int]$Start, [int]$Count, [string]$Effect) {
    foreach ($family in 'ipv4', 'ipv6') {
        # netsh speaks the language of Windows; its numbers stand at the ends of lines: the first port, and how many.
        $shown = & netsh.exe int $family show dynamicport tcp
        if ($LASTEXITCODE -ne 0) { throw "netsh int $family show dynamicport failed with status $LASTEXITCODE." }
        $old = @($shown | Select-String -Pattern '(\d+)\s*$' | ForEach-Object { $_.Matches[0].Groups[1].Value }) -join ' + '
        $what = "dynamic TCP ports of $family (first port + count)"
        if (Test-Wanted $what $old "$Start + $Count") {
            & netsh.exe int $family set dynamicport tcp "start=$Start" "num=$Count" | Out-Host
            if ($LASTEXITCODE -ne 0) { throw "netsh int $family set dynamicport failed with status $LASTEXITCODE." }
            Write-Change $what $old "$Start + $Count" $Effect
        }
    }
}
