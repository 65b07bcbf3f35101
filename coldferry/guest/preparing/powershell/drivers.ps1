# Start type 0: loaded by the boot loader. StartOverride is what Windows writes for a driver whose
# hardware it did not see; it would go before the start type.
function Set-BootDriver([string]$Name) {
  $key = Join-Path 'HKLM:\SYSTEM\CurrentControlSet\Services' $Name
  if (-not (Test-Path -LiteralPath $key)) {
    Say-Left "the driver $Name is not installed: install it first"
    return
  }
  $override = Join-Path $key 'StartOverride'
  $overridden = Test-Path -LiteralPath $override
  $start = (Get-ItemProperty -LiteralPath $key -Name Start).Start
  if ($start -eq 0 -and -not $overridden) {
    Say-Already "the driver $Name starts at boot"
    return
  }
  Set-ItemProperty -LiteralPath $key -Name Start -Value 0 -Type DWord
  if ($overridden) { Remove-Item -LiteralPath $override -Recurse }
  Say-Changed "the driver $Name starts at boot (it was $start)"
}

