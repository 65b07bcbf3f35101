# Fast startup is hibernation, too: a disk that was left so is not closed.
function Disable-Hibernation {
  $key = 'HKLM:\SYSTEM\CurrentControlSet\Control\Power'
  $found = Get-ItemProperty -LiteralPath $key -Name HibernateEnabled -ErrorAction SilentlyContinue
  if ($found -and $found.HibernateEnabled -eq 0) {
    Say-Already 'hibernation is off'
    return
  }
  & powercfg.exe /hibernate off
  if ($LASTEXITCODE -ne 0) {
    Say-Left 'powercfg could not switch hibernation off'
    return
  }
  Say-Changed 'hibernation is off'
}

