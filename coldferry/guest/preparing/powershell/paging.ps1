# A page file on a disk that stays behind keeps Windows from paging, and complains at each start.
function Set-PageFileOnSystemDrive {
  $drive = $env:SystemDrive
  $computer = Get-CimInstance -ClassName Win32_ComputerSystem
  $files = @(Get-CimInstance -ClassName Win32_PageFileSetting)
  $elsewhere = @($files | Where-Object { -not $_.Name.StartsWith("$drive\", 'OrdinalIgnoreCase') })
  if ($computer.AutomaticManagedPagefile -or ($files.Count -gt 0 -and $elsewhere.Count -eq 0)) {
    Say-Already "the page file is on $drive"
    return
  }
  $elsewhere | Remove-CimInstance
  if ($files.Count -eq $elsewhere.Count) {
    New-CimInstance -ClassName Win32_PageFileSetting -Property @{
      Name = "$drive\pagefile.sys"; InitialSize = [uint32]0; MaximumSize = [uint32]0
    } | Out-Null
  }
  Say-Changed "the page file is on $drive from the next start on"
}

