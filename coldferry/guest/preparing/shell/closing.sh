
if folder /var/lib/coldferry/before >/dev/null; then
  echo 'Files as they were before they were changed: /var/lib/coldferry/before.'
fi
if [ "$LEFT" -gt 0 ]; then
  echo "$LEFT left for a person."
  exit 1
fi
echo 'Done.'
