# datasource WORD FILE: the datasources of FILE, and the target's before None, in a file read last.
datasource() {
  if [ "$2" = /etc/cloud/ds-identify.cfg ]; then
    edit "$2" '/^[ \t]*datasource[ \t]*:/ { print "# coldferry: " $0; next } { print }' || :
    return 0
  fi
  if ! at=$(place "$2") || [ ! -f "$at" ]; then
    left "$2 is not there, or is a link: add $1 to its datasource_list by hand"
    return 0
  fi
  listed=$(awk '
    function words(text) { gsub(/[^A-Za-z0-9_]+/, " ", text); return text }
    /^[ \t]*datasource_list[ \t]*:[ \t]*\[/ {
      text = $0; sub(/^[^[]*\[/, "", text); sub(/\].*/, "", text); all = words(text); inside = 0; next
    }
    /^[ \t]*datasource_list[ \t]*:/ { all = ""; inside = 1; next }
    inside && /^[ \t]*-/ { text = $0; sub(/#.*/, "", text); all = all " " words(text); next }
    inside && !/^[ \t]*(#|$)/ { inside = 0 }
    END { print all }' "$at")
  all=
  for word in $listed; do
    case "$word" in "$1" | None) ;; *) all="$all$word, " ;; esac
  done
  printf '# Where this machine is, and where it goes to.\ndatasource_list: [ %s%s, None ]\n' \
    "$all" "$1" >"$WORK/new"
  replace /etc/cloud/cloud.cfg.d/zz-coldferry.cfg || :
}

