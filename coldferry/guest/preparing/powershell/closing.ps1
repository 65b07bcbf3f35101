
if ($script:Left -gt 0) {
  Write-Output "$($script:Left) left for a person."
  exit 1
}
Write-Output 'Done.'
