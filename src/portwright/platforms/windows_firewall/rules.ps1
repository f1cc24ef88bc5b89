[CmdletBinding(SupportsShouldProcess = $true)]
param([string]$PolicyStore = 'PersistentStore', [switch]$Remove)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$group = @group

# Rules of this computer count for nothing in a profile that takes rules from Group Policy alone.
if ($PolicyStore -eq 'PersistentStore' -and -not $Remove) {
    foreach ($one in @(Get-NetFirewallProfile -PolicyStore ActiveStore)) {
        if ("$($one.AllowLocalFirewallRules)" -eq 'False') {
            Write-Warning "The profile $($one.Name) takes no rules of this computer: write them into a policy, with -PolicyStore."
        }
    }
}

# The new rules come first and the old ones go then, so that nothing is cut off; where one fails, all of the new ones go.
$old = @(Get-NetFirewallRule -PolicyStore $PolicyStore -Group $group -ErrorAction SilentlyContinue)
$new = @()
try {
    if (-not $Remove) {
@calls
    }
} catch {
    $new | Where-Object { $null -ne $_ } | Remove-NetFirewallRule
    throw
}
$old | Remove-NetFirewallRule -WhatIf:$WhatIfPreference
Write-Host "$($old.Count) old rules of '$group' removed, $($new.Count) new ones made."
