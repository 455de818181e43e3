autocmd BufRead,BufNewFile *.flow setfiletype flowrun
