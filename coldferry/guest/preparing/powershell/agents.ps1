# It keeps running until the next start, and stays installed: a rollback needs it again.
function Disable-Agent([string]$Name) {
  $service = Get-Service -Name $Name -ErrorAction SilentlyContinue
  if (-not $service) {
    Say-Already "there is no service $Name"
  } elseif ($service.StartType -eq 'Disabled') {
    Say-Already "the service $Name is disabled"
  } else {
    Set-Service -Name $Name -StartupType Disabled
    Say-Changed "the service $Name is disabled (it was $($service.StartType))"
  }
}

