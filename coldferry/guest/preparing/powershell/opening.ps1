#Requires -RunAsAdministrator
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$script:Left = 0

function Say-Changed([string]$What) { Write-Output "changed: $What" }
function Say-Already([string]$What) { Write-Output "already: $What" }
function Say-Left([string]$What) {
  Write-Output "left: $What"
  $script:Left++
}

