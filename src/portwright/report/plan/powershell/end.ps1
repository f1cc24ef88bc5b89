Write-Host "$script:changed changed."
