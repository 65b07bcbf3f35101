
if [ "$LEFT" -gt 0 ]; then
  echo "$LEFT left for a person. Files as they were: /var/lib/coldferry/before."
  exit 1
fi
echo 'Done. Files as they were, where any was changed: /var/lib/coldferry/before.'
