SELECT /* one /* two */ */ 1 -- rest
; SELECT 2