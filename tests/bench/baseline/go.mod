module keyturn.io/bench/baseline

go 1.19
