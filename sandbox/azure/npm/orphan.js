// Preloaded into Azurite: its stdin is a pipe held by the process that started
// it, so end-of-file means that process is gone, however it died.
process.stdin.resume();
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.on("error", () => process.kill(process.pid, "SIGTERM"));
