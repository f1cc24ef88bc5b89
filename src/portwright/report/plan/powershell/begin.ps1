[CmdletBinding(SupportsShouldProcess = $true)]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$script:changed = 0

function Test-Wanted([string]$What, $Old, $New) {
    # Whether something has to be changed and may be; says which.
    if ("$Old" -eq "$New") {
        Write-Host "unchanged: $What is $New already"
        return $false
    }
    return $PSCmdlet.ShouldProcess($What, "change from '$Old' to '$New'")
}

function Write-Change([string]$What, $Old, $New, [string]$Effect) {
    $script:changed++
    $before = if ("$Old" -eq '') { 'not set' } else { $Old }
    Write-Host "changed: $What from $before to $New; now: $Effect"
}

function Test-Computer([string]$Name) {
    # The name in the site file need not be the computer's, so that another one is no error.
    if ($env:COMPUTERNAME -ne $Name) {
        Write-Warning "This computer is $env:COMPUTERNAME; the settings are those of '$Name'."
    }
}
