from amazonlite.common.http.serve import run

run("amazonlite.auth.app:create")
